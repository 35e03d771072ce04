"""Built-in samples: what they are, and that their downloads come back as what they were."""

import subprocess
import sys

import nibabel
import numpy as np
import pytest
from nilearn.datasets import load_mni152_template
from scipy.ndimage import distance_transform_edt, label
from sklearn.datasets import load_digits

from dashboard.analysis.analyze import analyze
from dashboard.data.builtin import BUILTIN, builtin
from dashboard.data.readers import open_files
from models import registry

KEYS = [row.key for row in BUILTIN]


def test_three_journeys_and_every_digit_are_there():
    assert KEYS[:3] == ["ecg", "digit", "brain"]
    assert len(set(KEYS)) == len(KEYS) == 13
    names = {builtin(f"digit-{digit}").name for digit in range(10)}
    assert names == {f"handwritten {digit}" for digit in range(10)}


def test_unknown_key_lists_the_known_ones():
    with pytest.raises(KeyError, match="brain"):
        builtin("heart")


@pytest.mark.parametrize("key", KEYS)
def test_a_sample_is_the_same_every_time(key):
    assert builtin(key).digest == builtin(key).digest


@pytest.mark.parametrize("row", [*BUILTIN[:4], BUILTIN[-1]], ids=[*KEYS[:4], KEYS[-1]])
def test_each_download_dropped_back_in_gives_the_same_values(row):
    sample = row.make()
    for name, data, _ in row.files():
        back = open_files((name, data))
        np.testing.assert_array_equal(back.values(), sample.values())
        assert back.array.dtype == sample.array.dtype
        assert (back.channels, back.units) == (sample.channels, sample.units)
        assert back.axis_unit == sample.axis_unit
        assert back.sampling_rate == sample.sampling_rate
        if sample.affine is not None:
            np.testing.assert_array_equal(back.affine, sample.affine)


def test_record_and_scan_and_picture_come_back_with_the_same_digest():
    for row in (*BUILTIN[:3], BUILTIN[-1]):
        name, data, _ = row.files()[0]
        assert open_files((name, data)).digest == row.make().digest


def test_digits_are_those_of_scikit_learn_and_what_they_are_called():
    bunch = load_digits()
    for digit in range(10):
        array = builtin(f"digit-{digit}").array[0]
        found = (np.rint(bunch.images * 255 / 16) == array).all(axis=(1, 2))
        assert set(bunch.target[found]) == {digit}


def test_the_brain_is_the_one_nilearn_loads():
    """nilearn masks and rescales its template: the same place, the same picture."""
    sample = builtin("brain")
    template = load_mni152_template(resolution=1)
    np.testing.assert_array_equal(template.affine, sample.affine)
    expected = np.asarray(template.dataobj)
    assert np.corrcoef(expected.ravel()[::50], sample.array[0].ravel()[::50])[0, 1] > 0.999
    assert nibabel.aff2axcodes(sample.affine) == ("R", "A", "S")


def test_the_crosshair_starts_in_the_left_temporal_lobe():
    sample = builtin("brain")
    x, y, z = sample.to_world(sample.position)
    # Hippocampus in MNI space, e.g. Harvard-Oxford atlas: x -36..-14, y -40..-4, z -28..4
    assert -36 < x < -14
    assert -40 < y < -4
    assert -28 < z < 4
    assert sample.array[0][tuple(int(p) for p in sample.position)] > 50


def test_the_packages_that_hold_the_files_are_not_imported(root):
    code = (
        "import sys; from dashboard.data.builtin import builtin; builtin('brain'); "
        "builtin('digit'); assert not {'nilearn', 'sklearn', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


# The shipped networks on the built-in samples: each journey of the home page ends in a right answer


def answer(key: str, model: str, sample=None, **options):
    return analyze(sample or builtin(key), registry.find(model), device="cpu", **options)


@pytest.mark.parametrize("digit", range(10))
def test_the_digit_network_reads_each_built_in_digit(digit):
    name, _, probability = answer(f"digit-{digit}", "lenet5-mnist").prediction.ranked()[0]
    assert name == str(digit)
    assert probability > 0.8


def test_the_patch_network_names_the_hippocampus_under_the_crosshair():
    result = answer("brain", "resnet3d-hippocampus")
    name, _, probability = result.prediction.ranked()[0]
    assert name == "anterior"
    assert probability > 0.8
    assert result.reasons == ()


@pytest.mark.parametrize("lead", ["II", "V5"])
def test_the_beat_network_names_the_beats_of_the_computed_ecg(lead):
    sample = builtin("ecg")
    marks = sample.annotations[0]
    channel = sample.channels.index(lead)
    found = answer("ecg", "ecg-beats", sample, channel=channel).prediction
    expected = [{"A": "S"}.get(symbol, symbol) for symbol in marks.symbols]
    named = {"N": [], "S": [], "V": []}
    for position, symbol in zip(marks.positions, expected, strict=True):
        nearest = int(np.abs(found.positions - position).argmin())
        there = abs(found.positions[nearest] - position) < 0.05 * sample.sampling_rate
        named[symbol].append(there and found.symbols[nearest] == symbol)
    assert len(found) == len(marks)
    assert np.mean(named["N"]) > 0.98
    assert np.mean(named["V"]) >= 0.8
    assert np.mean(named["S"]) >= 0.8


def test_the_computed_gland_is_one_thin_piece_of_the_volume_of_a_gland():
    """Adrenal glands have some 2 to 8 cm3, limbs of 3 to 6 mm (2 sd of normal: 10 mm)."""
    mask = builtin("adrenal").array[0]
    assert label(mask)[1] == 1
    assert 2000 < mask.sum() < 8000
    assert 1.5 < distance_transform_edt(mask).max() < 5
