"""Volumes in NumPy files keep their index order; sets of volumes ask for one of them."""

import io

import numpy as np
import pytest

from dashboard.data.readers import (
    ChoiceNeeded,
    DamagedFile,
    UnknownFormat,
    UnreadableFile,
    UnsafeFile,
    open_files,
)
from tests.data.readers.scans import CUBE

FOUR = np.random.default_rng(4).integers(-99, 99, (3, 4, 5, 6)).astype(np.int16)


def npy(array: np.ndarray) -> list[tuple[str, bytes]]:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return [("a.npy", buffer.getvalue())]


def npz(**arrays) -> list[tuple[str, bytes]]:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return [("a.npz", buffer.getvalue())]


@pytest.mark.parametrize("kind", ["i1", "u1", "<i2", ">i2", "u2", "i4", "f2", "f4", ">f4", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_values_keep_their_index_order(kind, order):
    array = np.asarray(CUBE % 128, dtype=kind, order=order)
    sample = open_files(npy(array))
    np.testing.assert_array_equal(sample.array[0], array)
    small = array.dtype.kind in "iu"
    assert sample.array.dtype == (array.dtype.newbyteorder("=") if small else np.float32)


def test_logical_values_are_a_mask():
    sample = open_files(npy(CUBE > 50))
    np.testing.assert_array_equal(sample.array[0], CUBE > 50)
    assert sample.modality == "mask"


def test_real_file_equals_numpys(data_dir):
    path = data_dir / "volumes" / "converted" / "hippocampus_001.npy"
    sample = open_files(path)
    np.testing.assert_array_equal(sample.array[0], np.load(path))
    assert any("1 mm" in note for note in sample.notes)


@pytest.mark.parametrize("order", ["C", "F"])
def test_of_four_axes_one_is_asked_for_and_counts_the_volumes(order):
    files = npy(np.asarray(FOUR, order=order))
    with pytest.raises(ChoiceNeeded) as asked:
        open_files(files)
    assert (asked.value.key, asked.value.options) == ("axis", ("first", "last"))
    for axis, frame in (("first", 2), ("last", 5)):
        with pytest.raises(ChoiceNeeded) as asked:
            open_files(files, {"axis": axis})
        assert asked.value.key == "frame"
        assert len(asked.value.options) == FOUR.shape[0 if axis == "first" else 3]
        sample = open_files(files, {"axis": axis, "frame": str(frame)})
        expected = FOUR[frame] if axis == "first" else FOUR[..., frame]
        np.testing.assert_array_equal(sample.array[0], expected)


def test_axes_of_one_element_do_not_count():
    assert open_files(npy(FOUR[None, :, :, :, :1])).shape == (3, 4, 5)


def test_complex_numbers_ask_for_a_part():
    array = CUBE + 1j * (CUBE - 3)
    with pytest.raises(ChoiceNeeded, match="which part"):
        open_files(npy(array))
    sample = open_files(npy(array), {"part": "imaginary"})
    np.testing.assert_array_equal(sample.array[0], CUBE - 3)


def test_an_npz_may_say_where_it_lies():
    affine = np.array([[0, -2, 0, 5], [1, 0, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]])
    np.testing.assert_array_equal(open_files(npz(scan=CUBE, affine=affine)).affine, affine)
    spaced = open_files(npz(scan=CUBE, spacing=np.array([1.0, 2, 3])))
    assert spaced.spacing == (1.0, 2.0, 3.0)
    assert open_files(npz(scan=CUBE), {"spacing": "0.5, 1, 4"}).spacing == (0.5, 1.0, 4.0)
    with pytest.raises(ChoiceNeeded, match="three positive numbers"):
        open_files(npz(scan=CUBE), {"spacing": "1,0,1"})
    with pytest.raises(DamagedFile, match="voxel size"):
        open_files(npz(scan=CUBE, affine=np.zeros((4, 4))))


def test_several_arrays_are_a_question():
    files = npz(scan=CUBE, label=CUBE > 0)
    with pytest.raises(ChoiceNeeded) as asked:
        open_files(files)
    assert (asked.value.key, asked.value.options) == ("record", ("scan", "label"))
    assert open_files(files, {"record": "label"}).modality == "mask"


@pytest.mark.parametrize("name", ["adrenalmnist3d_trainval.npz", "adrenalmnist3d_64_trainval.npz"])
def test_a_case_of_medmnist_is_chosen_by_split_and_number(data_dir, name):
    path = data_dir / "adrenalmnist3d" / name
    files = [(name, path.read_bytes())]
    with pytest.raises(ChoiceNeeded) as asked:
        open_files(files)
    assert asked.value.options == ("train_images", "val_images")
    sample = open_files(files, {"record": "val_images", "frame": "97"})
    with np.load(path) as arrays:
        np.testing.assert_array_equal(sample.array[0], arrays["val_images"][97])
        label = arrays["val_labels"][97, 0]
    assert f"label {label} in val_labels" in sample.notes
    assert sample.modality == "mask"


def test_sets_of_pictures_and_more_axes_are_refused():
    pictures = npz(train_images=np.zeros((5, 28, 28, 3), np.uint8), train_labels=np.arange(5))
    with pytest.raises(UnknownFormat, match="5 pictures of 28 x 28"):
        open_files(pictures)
    with pytest.raises(UnknownFormat, match="expected three"):
        open_files(npy(np.zeros((2, 2, 2, 2, 2))))
    turned = npy(np.zeros((2, 3, 4, 5), complex))
    with pytest.raises(UnreadableFile, match="fastest axis"):
        open_files(turned, {"axis": "last", "part": "real", "frame": "0"})


def test_what_is_larger_than_allowed_is_refused_before_it_is_allocated():
    honest = npy(np.zeros((2, 2, 2), np.int16))[0][1]
    lying = honest.replace(b"(2, 2, 2)", b"(9999, 9999, 9999)").replace(b" " * 12 + b"\n", b"   \n")
    with pytest.raises(DamagedFile, match="declares an array"):
        open_files([("a.npy", lying)])
    many = npz(test_images=np.zeros((10_001, 2, 2, 2), np.uint8))
    with pytest.raises(UnsafeFile, match="10,000 volumes"):
        open_files(many)


def test_pickles_are_never_loaded():
    with pytest.raises(UnsafeFile, match="pickled"):
        open_files(npy(np.full((2, 2, 2), {"a": 1}, dtype=object)))
