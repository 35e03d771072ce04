"""`analyze --whole`: maps as NIfTI files that lie on the scan."""

import json

import nibabel
import numpy as np
import pytest

from dashboard.__main__ import main
from dashboard.analysis.analyze import analyze
from dashboard.data.builtin import builtin
from dashboard.data.readers import open_files
from models import registry


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """The brain about the left hippocampus as a file, first axis to the left."""
    brain = builtin("brain")
    box = np.ascontiguousarray(brain.array[0, 55:91, 90:142, 35:71][::-1])
    affine = brain.affine.copy()
    affine[:3, 3] = brain.to_world(np.array([90, 90, 35]))
    affine[:3, 0] *= -1
    path = tmp_path_factory.mktemp("scan") / "part.nii.gz"
    nibabel.save(nibabel.Nifti1Image(box, affine), path)
    return path


def test_probabilities_are_written_where_they_belong(scan, tmp_path, capsys):
    name = "resnet3d-hippocampus"
    out = tmp_path / "out"
    options = ["--model", name, "--whole", "--json", "--device", "cpu", "--out", str(out)]
    assert main(["analyze", str(scan), *options]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert "45 windows of 20 x 20 x 20 voxels, at most" in printed.err
    assert told == json.loads((out / "analysis.json").read_text())
    assert told["whole"]["method"] == "windows"
    assert told["whole"]["exact"] is True
    image = nibabel.load(out / "probabilities.nii.gz")
    maps = image.get_fdata()
    assert maps.shape == (3, 5, 3, 3)
    np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-5)
    # The unit's place in millimetres, by nibabel, is where the crosshair gives its answer.
    sample = open_files([scan])
    unit = np.unravel_index(maps[..., 0].argmax(), maps.shape[:3])
    world = nibabel.affines.apply_affine(image.affine, unit)
    np.testing.assert_allclose(told["predictions"]["classes"][0]["at_mm"], world, atol=0.01)
    at = analyze(sample, registry.find(name), position=sample.to_index(world)).prediction
    np.testing.assert_allclose(maps[unit], at.probabilities, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--whole"], "expected --out DIR"),
        (["--fast"], "together with --whole"),
    ],
)
def test_wrong_usage_is_one_line(options, words, scan, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["analyze", str(scan), *options]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert words in told[0]
