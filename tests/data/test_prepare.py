"""What is fed lies where `to_sample` says, whatever the sampling, the orientation or the size."""

import time
import tracemalloc

import nibabel
import numpy as np
import pytest
from scipy import signal

from dashboard.data import normalise
from dashboard.data.builtin import builtin
from dashboard.data.normalise import without_baseline
from dashboard.data.prepare import CROPS, prepare
from dashboard.data.readers.files import Files, disk_file
from dashboard.data.readers.nifti import NiftiReader
from dashboard.data.sample import Sample
from models.spec import InputSpec

LEAD = InputSpec(sampling_rate=120.0, crop="whole-signal", multiple=32)
ECG = InputSpec(sampling_rate=120.0, crop="whole-signal", normalise="ecg")
DIGIT = InputSpec(size=(28, 28), crop="digit")
PATCH = InputSpec(size=(20, 20, 20), spacing=1.0, crop="patch", normalise="percentiles")


def lead(values, rate=250.0) -> Sample:
    array = np.atleast_2d(np.asarray(values, dtype=np.float32))
    names = tuple(f"lead {n}" for n in range(len(array)))
    return Sample(array, "x", "ecg", names, ("mV",) * len(array), "s", rate)


def image(array) -> Sample:
    array = np.asarray(array)
    array = array[None] if array.ndim == 2 else array
    return Sample(array, "x", "image", ("c",) * len(array), ("",) * len(array), "px")


def volume(array, affine=None, **more) -> Sample:
    affine = np.eye(4) if affine is None else affine
    return Sample(
        np.asarray(array)[None], "x", "mr", ("value",), ("",), "mm", affine=affine, **more
    )


def random_affine(random, spacing) -> np.ndarray:
    """A rotation with the given voxel sizes and a random origin."""
    turn, _ = np.linalg.qr(random.standard_normal((3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = random.uniform(-100, 100, 3)
    return affine


# Signals


@pytest.mark.parametrize("rate", [100, 128, 250, 257.3, 360, 500, 1000, 1_000_000])
def test_an_impulse_stays_within_one_fed_sample_of_its_time(rate):
    for second in (1.0, 1.97) if rate > 1e5 else (1.0, 7.3, 19.9):
        values = np.zeros(round((2.5 if rate > 1e5 else 21) * rate))
        place = round(second * rate)
        values[max(place - 1, 0) : place + 2] = 1.0
        prepared = prepare(lead(values, rate), LEAD)
        found = prepared.array[0].argmax()
        assert abs(prepared.index_in_input([place])[0] - found) <= 1
        assert abs(prepared.index_in_sample([found])[0] - place) <= rate / 120 + 1e-6


@pytest.mark.parametrize("rate", [128, 250, 360, 500, 1000])
def test_a_slow_wave_is_resampled_to_its_own_values(rate):
    """Oracle: the wave itself, at the times that `to_sample` gives."""
    wave = lambda t: np.sin(2 * np.pi * 3.0 * t + 0.4)  # noqa: E731
    prepared = prepare(lead(wave(np.arange(20 * rate) / rate), rate), LEAD)
    fed = np.arange(prepared.valid[0])
    times = prepared.index_in_sample(fed[:, None])[:, 0] / rate
    inner = slice(120, -120)
    # 2e-3: pass-band ripple of scipy's default filter
    np.testing.assert_allclose(prepared.array[0][fed][inner], wave(times)[inner], atol=2e-3)


def test_padding_comes_after_the_valid_part_and_fills_a_multiple():
    prepared = prepare(lead(np.ones(1000), 120.0), LEAD)
    assert prepared.valid == (1000,)
    assert prepared.array.shape == (1, 1024)
    assert (prepared.array[0, 1000:] == 0).all()


def test_the_chosen_lead_is_fed():
    sample = lead([np.zeros(500), np.ones(500)], 120.0)
    assert prepare(sample, LEAD, channel=1).array.max() == 1
    assert prepare(sample, LEAD, channel=1).channel == 1


def test_gaps_are_bridged_and_marked_where_they_are():
    values = np.linspace(0, 5, 2500)
    broken = values.copy()
    broken[500:750] = np.nan
    broken[0] = np.inf
    prepared = prepare(lead(broken), LEAD)
    times = np.arange(prepared.valid[0]) / 120
    expected = (times > 2.0) & (times < 2.996)
    agree = prepared.gaps[2:] == expected[2:]
    assert prepared.gaps[0]
    assert agree.mean() > 0.995  # the two edges round to the nearest original sample
    np.testing.assert_allclose(prepared.array[0, 12:1188], times[12:1188] * 0.5, atol=0.02)
    assert prepare(lead(values), LEAD).gaps is None


@pytest.mark.parametrize("spec", [LEAD, ECG], ids=["plain", "ecg"])
@pytest.mark.parametrize("values", [[np.nan] * 600, [1.0] * 600, [0.5], [0.1, 0.2, np.nan]])
def test_leads_without_signal_are_fed_without_complaint(spec, values):
    prepared = prepare(lead(values), spec)
    assert np.isfinite(prepared.array).all()


def test_a_lead_scaled_and_offset_is_fed_the_same():
    sample = builtin("ecg")
    plain = prepare(sample, ECG, channel=1).array
    changed = prepare(lead(sample.array[1] * 3 + 2, 500.0), ECG).array
    np.testing.assert_allclose(changed, plain, atol=1e-3)


def test_long_gaps_do_not_blow_up_what_is_there():
    values = builtin("ecg").array[1]
    mostly_gap = np.concatenate([values, np.full(6 * len(values), np.nan, np.float32)])
    plain = prepare(lead(values, 500.0), ECG).array[0, :6000]
    beside = prepare(lead(mostly_gap, 500.0), ECG).array[0, :6000]
    np.testing.assert_allclose(beside, plain, atol=0.05)


def test_filtering_in_blocks_equals_filtering_at_once(monkeypatch):
    values = np.random.default_rng(0).standard_normal(60_000).astype(np.float32)
    values += 50 * np.sin(np.arange(60_000) / 4000)
    monkeypatch.setattr(normalise, "BLOCK_SECONDS", 97)
    sos = signal.butter(2, 0.5, "highpass", fs=120, output="sos")
    whole = signal.sosfiltfilt(sos, values, padlen=480)
    np.testing.assert_allclose(without_baseline(values, 120.0), whole, atol=1e-5)


@pytest.mark.parametrize("rate", [128.0])
def test_a_day_takes_memory_in_proportion_to_its_length(rate):
    """24 h of one lead: at most four times what the lead itself takes, and linear in time."""
    hour = np.tile(builtin("ecg").array[1, ::4], 64)[: int(3600 * rate)]
    sizes = {}
    for hours in (6, 24):
        sample = lead(np.tile(hour, hours), rate)
        start = time.perf_counter()
        prepare(sample, ECG)
        seconds = time.perf_counter() - start
        tracemalloc.start()
        prepare(sample, ECG)
        sizes[hours] = (tracemalloc.get_traced_memory()[1] / sample.array.nbytes, seconds)
        tracemalloc.stop()
    assert sizes[24][0] < 4.5
    assert sizes[24][1] < 8 * sizes[6][1]  # 4 times as long; doubled for a busy machine


# Images


def slow_digit(ink: np.ndarray) -> np.ndarray:
    """MNIST's framing by loops: blur, box, centre of mass, bilinear reading."""
    rows = [r for r in range(ink.shape[0]) if ink[r].max() > 0.3 * ink.max()]
    columns = [c for c in range(ink.shape[1]) if ink[:, c].max() > 0.3 * ink.max()]
    step = max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1) / 20
    mass, row, column = 0.0, 0.0, 0.0
    for r in range(ink.shape[0]):
        for c in range(ink.shape[1]):
            if ink[r, c] > 0.3 * ink.max():
                mass, row, column = mass + ink[r, c], row + r * ink[r, c], column + c * ink[r, c]
    fed = np.zeros((28, 28))
    for u in range(28):
        for v in range(28):
            y, x = row / mass + step * (u - 14), column / mass + step * (v - 14)
            for r in (int(np.floor(y)), int(np.floor(y)) + 1):
                for c in (int(np.floor(x)), int(np.floor(x)) + 1):
                    if 0 <= r < ink.shape[0] and 0 <= c < ink.shape[1]:
                        fed[u, v] += ink[r, c] * (1 - abs(y - r)) * (1 - abs(x - c))
    return fed / fed.max()


@pytest.mark.parametrize("paper", [False, True], ids=["bright ink", "dark ink"])
def test_a_small_digit_is_framed_as_the_slow_way_does(paper):
    pixels = np.pad(builtin("digit").array[0], ((3, 9), (6, 1)))
    fed = prepare(image(255 - pixels if paper else pixels), DIGIT).array[0]
    expected = slow_digit(pixels / 255)
    inner = slice(1, -1)  # reading outside the image: zero here, faded by scipy
    np.testing.assert_allclose(fed[inner, inner], expected[inner, inner], atol=0.02)


@pytest.mark.parametrize("size", [20, 57, 280, 900])
@pytest.mark.parametrize(("paper", "pen"), [(255, 0), (180, 30), (0, 255)])
def test_a_stroke_of_any_size_and_tone_fills_the_box_and_its_centre(size, paper, pen):
    picture = np.full((size, 2 * size), paper, np.uint8)
    rows = slice(size // 10, size - size // 10)
    columns = slice(size // 2, size // 2 + max(size // 5, 2))
    picture[rows, columns] = pen
    prepared = prepare(image(picture), DIGIT)
    ink = prepared.array[0]
    heights = np.flatnonzero(ink.max(axis=1) > 0.5)
    assert abs(len(heights) - 20) <= 1
    centre = [(ink.sum(axis=1 - a) * np.arange(28)).sum() / ink.sum() for a in (0, 1)]
    np.testing.assert_allclose(centre, (14, 14), atol=0.3)
    middle = [(s.start + s.stop - 1) / 2 for s in (rows, columns)]
    np.testing.assert_allclose(prepared.index_in_sample([14, 14]), middle, atol=0.02 * size)


def test_a_field_of_28_keeps_its_frame_and_only_dark_ink_is_inverted(data_dir):
    digits = np.load(data_dir / "mnist" / "mnist_train.npz")["x"][:50]
    for pixels in digits:
        expected = pixels[None] / np.float32(255)
        np.testing.assert_allclose(prepare(image(pixels), DIGIT).array, expected, atol=1e-6)
        np.testing.assert_allclose(prepare(image(255 - pixels), DIGIT).array, expected, atol=1e-6)


def test_blank_images_are_fed_without_complaint():
    for tone in (0, 128, 255):
        assert np.isfinite(prepare(image(np.full((9, 40), tone, np.uint8)), DIGIT).array).all()


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integers_are_scaled_by_their_type_not_by_what_is_in_them(dtype, top):
    dark = np.zeros((3, 5, 6), dtype)
    dark[0, 0, 0] = 1
    fed = prepare(image(dark), InputSpec(channels=3, crop="whole-image")).array
    assert fed.max() == pytest.approx(1 / top)


def test_channels_are_matched_by_luma_and_repetition():
    colour = np.random.default_rng(3).integers(0, 256, (3, 4, 5), dtype=np.uint8)
    grey = prepare(image(colour), InputSpec(channels=1, crop="whole-image")).array[0]
    luma = (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255
    np.testing.assert_allclose(grey, luma, atol=1e-6)
    three = prepare(image(colour[:1]), InputSpec(channels=3, crop="whole-image")).array
    np.testing.assert_array_equal(three[0], three[2])


# Volumes


def brain_like(shape=(40, 46, 38)) -> np.ndarray:
    random = np.random.default_rng(8)
    return random.integers(0, 1000, shape).astype(np.int16)


ORIENTATIONS = [
    (axes, flips)
    for axes in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    for flips in np.ndindex(2, 2, 2)
]


@pytest.mark.parametrize("whole", [False, True], ids=["patch", "whole"])
def test_every_stored_orientation_gives_the_same_input(whole):
    """One volume stored in all 48 ways by nibabel: 6 axis orders, 8 flips."""
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = -20, -11, 5
    original = nibabel.Nifti1Image(brain_like(), affine)
    world = np.array([-2.0, 14.0, 23.0])
    reference = None
    for axes, flips in ORIENTATIONS:
        turn = np.column_stack([axes, [(1, -1)[f] for f in flips]])
        stored = original.as_reoriented(turn)
        sample = volume(np.asarray(stored.dataobj), stored.affine)
        prepared = prepare(sample, PATCH, position=sample.to_index(world), whole=whole)
        if reference is None:
            reference = prepared
        np.testing.assert_allclose(prepared.array, reference.array, atol=1e-6)
        here = sample.to_world(prepared.index_in_sample([3, 4, 5]))
        there = volume(brain_like(), affine).to_world(reference.index_in_sample([3, 4, 5]))
        np.testing.assert_allclose(here, there, atol=1e-9)


def test_a_patch_is_cut_as_the_training_patches_were():
    """hippocampus3d: index 10 of 20 is the centre voxel."""
    array = brain_like()
    prepared = prepare(volume(array), PATCH, position=(20, 23, 19))
    cut = array[10:30, 13:33, 9:29].astype(np.float32)
    low, high = np.percentile(cut, (0.5, 99.5))
    expected = np.clip((cut - low) / (high - low), 0, 1) * 2 - 1
    np.testing.assert_allclose(prepared.array[0], expected, atol=1e-5)
    np.testing.assert_array_equal(prepared.index_in_sample([10, 10, 10]), (20, 23, 19))


def clipped(array: np.ndarray) -> np.ndarray:
    """Values as hippocampus3d stores them: 0.5 to 99.5 percentile of the volume to 0..255."""
    low, high = np.percentile(array, (0.5, 99.5))
    return np.rint(np.clip((array - low) / (high - low), 0, 1) * 255)


def where_cut(array: np.ndarray, piece: np.ndarray) -> np.ndarray | None:
    """Start of `piece` in `array` (within 1 grey level), by trying every place."""
    windows = np.lib.stride_tricks.sliding_window_view(array, piece.shape)
    coarse = np.abs(windows[..., ::5, ::5, ::5] - piece[::5, ::5, ::5]).max(axis=(3, 4, 5))
    for place in np.argwhere(coarse <= 1):
        if np.abs(windows[tuple(place)] - piece).max() <= 1:
            return place
    return None


def test_patches_of_the_nifti_files_equal_those_of_the_training_set(data_dir):
    """The npz names each patch's volume but not its place: it is searched for."""
    archive = np.load(data_dir / "hippocampus3d" / "hippocampus3d_trainval.npz")
    checked = 0
    for number in range(0, len(archive["val_ids"]), 20):
        name = str(archive["val_ids"][number])
        path = data_dir / "hippocampus_seg" / "images" / f"{name}.nii.gz"
        sample = NiftiReader().read(Files([disk_file(path)]), {})
        piece = archive["val_images"][number].astype(float)
        start = where_cut(clipped(sample.values((0,))), piece)
        assert start is not None, name
        fed = prepare(sample, PATCH, position=tuple(start + 10)).array
        grey = prepare(volume(piece), PATCH, position=(10, 10, 10)).array
        # one of 255 grey levels, after stretching by the patch's own percentiles
        np.testing.assert_allclose(fed, grey, atol=0.06)
        checked += 1
    assert checked >= 5


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (1.0, 1.0, 3.0), (0.7, 2.0, 1.1)])
@pytest.mark.parametrize("whole", [False, True], ids=["patch", "whole"])
def test_a_ramp_in_world_space_is_read_where_to_sample_says(spacing, whole):
    """Oracle: a linear function of the array index, which linear reading must reproduce."""
    spec = InputSpec(size=(12, 12, 12), spacing=1.0, crop="patch")
    random = np.random.default_rng(11)
    for _ in range(5):
        affine = random_affine(random, spacing)
        shape = (34, 30, 32)
        slope = np.array([1.0, 10.0, 100.0])
        array = np.tensordot(slope, np.indices(shape), axes=1).astype(np.float32)
        prepared = prepare(volume(array, affine), spec, position=(17, 14, 16), whole=whole)
        if whole:
            continue
        index = np.moveaxis(np.indices(prepared.valid), 0, -1)
        places = prepared.index_in_sample(index)
        inside = ((places >= 2) & (places <= np.array(shape) - 3)).all(axis=-1)
        assert inside.any()
        np.testing.assert_allclose(
            prepared.array[0][inside], (places @ slope)[inside], rtol=1e-4, atol=0.05
        )


def test_a_marked_voxel_of_a_rotated_anisotropic_volume_keeps_its_world_place():
    random = np.random.default_rng(4)
    for _ in range(10):
        spacing = random.uniform(0.6, 2.5, 3)
        affine = random_affine(random, spacing)
        array = np.zeros((40, 36, 38), np.float32)
        mark = np.array([19, 17, 20])
        array[tuple(mark)] = 1000.0
        sample = volume(array, affine)
        prepared = prepare(sample, InputSpec(spacing=1.0, crop="whole"))
        # A whole scan is clipped at its percentiles: the mark is a plateau around its place.
        found = np.argwhere(prepared.array[0] == prepared.array.max()).mean(axis=0)
        away = sample.to_world(prepared.index_in_sample(found)) - sample.to_world(mark)
        assert np.linalg.norm(away) <= np.sqrt(3) * 0.5 * max(1.0, *spacing) + 1e-6


def test_index_goes_to_the_sample_and_back_under_any_affine():
    random = np.random.default_rng(2)
    for _ in range(20):
        sample = volume(np.zeros((30, 31, 32)), random_affine(random, random.uniform(0.3, 4, 3)))
        for whole in (False, True):
            prepared = prepare(sample, PATCH, position=(15, 15, 15), whole=whole)
            index = random.uniform(-5, 40, (7, 3))
            back = prepared.index_in_input(prepared.index_in_sample(index))
            np.testing.assert_allclose(back, index, atol=1e-9)


def test_axes_are_turned_to_ras_as_nibabel_would():
    random = np.random.default_rng(6)
    for _ in range(50):
        affine = random_affine(random, (1.0, 1.0, 1.0))
        prepared = prepare(volume(np.zeros((25, 25, 25)), affine), PATCH)
        turned = affine @ prepared.to_sample
        # fed axes point right, forward and up
        assert nibabel.aff2axcodes(turned) == ("R", "A", "S")


def test_a_patch_over_the_border_repeats_the_edge():
    array = brain_like()
    spec = InputSpec(size=(20, 20, 20), spacing=1.0, crop="patch")
    for position in [(0, 0, 0), (39, 45, 37), (-30, 10, 100)]:
        fed = prepare(volume(array), spec, position=position).array[0]
        index = np.moveaxis(np.indices((20, 20, 20)), 0, -1) + np.array(position) - 10
        nearest = np.clip(index, 0, np.array(array.shape) - 1)
        np.testing.assert_array_equal(fed, array[tuple(np.moveaxis(nearest, -1, 0))])


def test_stored_integers_are_fed_in_their_units_and_what_is_no_number_as_zero():
    spec = InputSpec(size=(4, 4, 4), crop="patch")
    scaled = prepare(volume(np.full((9, 9, 9), 7, np.int16), scale=(0.5, -1.0)), spec)
    assert (scaled.array == 2.5).all()
    broken = np.full((9, 9, 9), np.nan, np.float32)
    broken[4:] = np.inf
    assert (prepare(volume(broken), spec).array == 0).all()


def test_a_volume_smaller_than_the_patch_is_fed():
    tiny = volume(np.arange(105).reshape(7, 5, 3))
    assert prepare(tiny, PATCH).array.shape == (1, 20, 20, 20)
    assert prepare(tiny, PATCH, whole=True).array.shape == (1, 7, 5, 3)


def test_the_whole_brain_is_scaled_like_its_own_patches():
    sample = builtin("brain")
    whole = prepare(sample, PATCH, whole=True)
    one = prepare(sample, PATCH)
    corner = np.rint(whole.index_in_input(one.index_in_sample([0, 0, 0]))).astype(int)
    cut = whole.array[0][tuple(slice(c, c + 20) for c in corner)]
    assert np.corrcoef(cut.ravel(), one.array.ravel())[0, 1] > 0.97
    assert abs(cut.mean() - one.array.mean()) < 0.25


# All


def test_wrong_rank_is_refused_with_what_was_given():
    for name, sample in [
        ("patch", lead(np.zeros(9))),
        ("digit", volume(np.zeros((3, 3, 3)))),
        ("whole-signal", image(np.zeros((3, 3), np.uint8))),
    ]:
        with pytest.raises(ValueError, match=rf"got an? {sample.kind}"):
            prepare(sample, InputSpec(crop=name, size=(28, 28)))
    assert set(CROPS) >= {"whole", "digit", "patch"}


def test_whole_feeds_every_rank():
    for sample in (
        lead(np.zeros(50)),
        image(np.zeros((5, 6), np.uint8)),
        volume(np.ones((5, 6, 7))),
    ):
        prepared = prepare(sample, InputSpec())
        assert prepared.valid == sample.shape
        assert prepared.array.dtype == np.float32
