"""NumPy files: orientation, the facts beside the signal, and what is refused."""

import io

import numpy as np
import pytest

from dashboard.data.readers import (
    ChoiceNeeded,
    DamagedFile,
    UnknownFormat,
    UnsafeFile,
    open_files,
)

ANSWERS = {"rate_hz": "250", "unit": "mV"}
LEADS = np.random.default_rng(3).normal(size=(3, 500))


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "array",
    [LEADS, LEADS.T, np.asfortranarray(LEADS), LEADS.astype(">f8"), LEADS.astype("f4")],
    ids=["leads first", "samples first", "by column", "big-endian", "float32"],
)
def test_the_longer_axis_is_time(array):
    sample = open_files([("a.npy", _npy(array))], ANSWERS)
    np.testing.assert_array_equal(sample.array, LEADS.astype(np.float32))
    assert (sample.sampling_rate, sample.units) == (250.0, ("mV",) * 3)


def test_rate_and_unit_are_asked_for():
    with pytest.raises(ChoiceNeeded) as caught:
        open_files([("a.npy", _npy(LEADS))])
    assert caught.value.key == "rate_hz"
    with pytest.raises(ChoiceNeeded) as caught:
        open_files([("a.npy", _npy(LEADS * 1000))], {"rate_hz": "100"})
    assert (caught.value.key, caught.value.options[0]) == ("unit", "uV")


def test_an_npz_answers_for_itself():
    data = _npz(ecg=LEADS.T * 1000, fs=500, units="uV", leads=np.array(["I", "II", "V1"]))
    sample = open_files([("a.npz", data)])
    assert (sample.sampling_rate, sample.channels) == (500.0, ("I", "II", "V1"))
    np.testing.assert_allclose(sample.array, LEADS, rtol=1e-5)


def test_several_arrays_are_a_question():
    data = _npz(first=LEADS, second=LEADS[:1])
    with pytest.raises(ChoiceNeeded) as caught:
        open_files([("a.npz", data)], ANSWERS)
    assert (caught.value.key, caught.value.options) == ("record", ("first", "second"))
    assert open_files([("a.npz", data)], {**ANSWERS, "record": "second"}).array.shape == (1, 500)


def test_a_set_of_pictures_with_labels_is_no_ecg():
    data = _npz(x=np.zeros((5, 28, 28)), y=np.arange(5))
    with pytest.raises(UnknownFormat, match="5 pictures of 28 x 28"):
        open_files([("digits.npz", data)], ANSWERS)


def test_pickles_are_never_loaded():
    with pytest.raises(UnsafeFile, match="pickled"):
        open_files([("a.npy", _npy(np.array([{"a": 1}], dtype=object)))], ANSWERS)


@pytest.mark.parametrize("array", [np.zeros((500, 400)), np.array(["a"])])
def test_what_is_no_ecg_says_so(array):
    with pytest.raises(UnknownFormat, match=r"axes|axis"):
        open_files([("a.npy", _npy(array))], ANSWERS)


def test_a_shape_that_is_not_there_is_refused_before_it_is_allocated():
    honest = _npy(np.zeros((3, 500)))
    lying = honest.replace(b"(3, 500)", b"(3, 9000000000)").replace(b" " * 9 + b"\n", b"  \n")
    with pytest.raises(DamagedFile, match=r"declares an array .* holds 12,000 bytes"):
        open_files([("a.npy", lying)], ANSWERS)
