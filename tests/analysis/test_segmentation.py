"""A segmented scan: labels on its own grid in any orientation, volumes, reasons, files."""

import json

import nibabel
import numpy as np
import pytest
import torch
from torch import nn

from dashboard.analysis.analyze import analyze
from dashboard.analysis.export import answer_lines, document
from dashboard.commands.analysis_folder import write_folder
from dashboard.data.sample import Sample
from models import registry
from models.spec import InputSpec, ModelSpec, Weights

NAMES = ("background", "grey", "white")
AFFINE = np.diag([1.0, 1.0, 1.0, 1.0])


def thresholds() -> nn.Module:
    """By hand: fed values under 0 are background, 0 to 1/2 are grey, above are white."""
    net = nn.Conv3d(1, 3, 1)
    with torch.no_grad():
        net.weight[:] = torch.tensor([-400.0, 0.0, 400.0]).reshape(3, 1, 1, 1, 1)
        net.bias[:] = torch.tensor([0.0, 0.0, -200.0])
    return net.eval()


def spec_of(**decoder: float) -> ModelSpec:
    return ModelSpec(
        name="by-hand",
        title="",
        family="unet",
        task="segmentation",
        dims=(3,),
        build=lambda dim, channels, classes: thresholds(),
        input=InputSpec(spacing=1.0, normalise="percentiles", crop="region", multiple=8),
        classes=3,
        stages=("",),
        first_conv="",
        head="",
        paper="",
        weights=(Weights(dim=3, classes=NAMES, file=""),),
        decoder=decoder,
    )


def scan(array: np.ndarray, affine: np.ndarray, modality: str = "mr") -> Sample:
    return Sample(array[None], "scan", modality, ("value",), ("",), "mm", affine=affine)


def smooth(shape=(30, 41, 26)) -> np.ndarray:
    """A slowly changing volume: its classes are connected regions."""
    index = np.indices(shape) / np.array(shape).reshape(3, 1, 1, 1)
    wave = np.sin(7 * index[0] + 2 * index[1]) + np.cos(5 * index[1] - 3 * index[2])
    return (1000 + 400 * wave).astype(np.int16)


@pytest.mark.parametrize("network", ["by hand", "a U-Net"])
@pytest.mark.parametrize("shape", [(30, 41, 26), (70, 90, 66)], ids=["whole", "region"])
def test_the_same_anatomy_stored_in_any_orientation_gets_the_same_labels(shape, network):
    """nibabel permutes and flips the file; labels turned back by nibabel must agree."""
    affine = np.diag([1.0, 1.0, 0.8, 1.0])
    affine[:3, 3] = -20, 13, 7
    torch.manual_seed(1)
    net = thresholds() if network == "by hand" else registry.create("unet3d-hippocampus", 3)
    original = nibabel.Nifti1Image(smooth(shape), affine)
    world = affine[:3, :3] @ np.array([33, 40, 30]) + affine[:3, 3]
    reference = None
    for axes, flips in [((0, 1, 2), (1, 1, 1)), ((1, 2, 0), (-1, 1, 1)), ((2, 1, 0), (-1, -1, -1))]:
        stored = original.as_reoriented(np.column_stack([axes, flips]))
        sample = scan(np.asarray(stored.dataobj), stored.affine)
        found = analyze(sample, spec_of(), net=net.eval(), position=sample.to_index(world))
        labels = nibabel.Nifti1Image(found.prediction.labels, stored.affine)
        back = nibabel.as_closest_canonical(labels)
        np.testing.assert_allclose(back.affine, affine, atol=1e-9)
        if reference is None:
            reference = np.asarray(back.dataobj)
            assert len(np.unique(reference)) == 3
        agree = np.asarray(back.dataobj) == reference
        # float32 sums in another order may turn a voxel where two classes tie
        assert agree.mean() > 0.9999


def test_labels_are_those_of_the_values_voxel_by_voxel():
    array = smooth()
    found = analyze(scan(array, AFFINE), spec_of(), net=thresholds()).prediction
    low, high = np.percentile(array, (0.5, 99.5))
    fed = np.clip((array - low) / (high - low), 0, 1) * 2 - 1
    expected = np.digitize(fed, (0, 0.5))
    clear = (np.abs(fed) > 1e-4) & (np.abs(fed - 0.5) > 1e-4)
    np.testing.assert_array_equal(found.labels[clear], expected[clear])
    assert found.region is None


def test_of_a_large_scan_only_the_part_at_the_position_is_segmented():
    sample = scan(smooth((90, 100, 80)), AFFINE)
    found = analyze(sample, spec_of(), net=thresholds(), position=(40, 50, 30)).prediction
    assert found.region == (slice(20, 60), slice(22, 78), slice(10, 50))
    inside = found.labels[found.region]
    assert np.count_nonzero(inside) == np.count_nonzero(found.labels) > 0


def test_volumes_follow_the_determinant_of_the_affine():
    affine = np.array([[0, 0.8, 0.1, 5], [0.9, 0, 0, 1], [0, 0, 1.1, 2], [0, 0, 0, 1.0]])
    found = analyze(scan(smooth(), affine), spec_of(), net=thresholds())
    told = document(found)["predictions"]
    json.dumps(told)
    voxel = 0.8 * 0.9 * 1.1
    assert told["labels"] == found.prediction.counts()
    for name, count in told["labels"].items():
        assert count > 0
        assert told["volume_mm3"][name] == pytest.approx(count * voxel, abs=0.01)
    assert told["region"] == [[0, 30], [0, 41], [0, 26]]
    assert answer_lines(found)[0].startswith(f"grey: {told['labels']['grey']} voxels, ")


def test_parts_of_an_unlikely_volume_are_a_reason_not_to_believe():
    sample = scan(smooth(), AFFINE)
    sizes = analyze(sample, spec_of(), net=thresholds()).prediction.counts()
    assert analyze(sample, spec_of(), net=thresholds()).reasons == ()
    wide = spec_of(least_mm3=1, most_mm3=1e6)
    assert analyze(sample, wide, net=thresholds()).reasons == ()
    narrow = spec_of(least_mm3=1, most_mm3=sizes["grey"] - 1)
    (reason,) = analyze(sample, narrow, net=thresholds()).reasons
    assert f"found {sizes['grey']} mm³ of grey" in reason


def test_a_ct_and_coarse_voxels_are_reasons_not_to_believe():
    fits = registry.find("unet3d-hippocampus").input.fits
    assert fits(scan(smooth(), AFFINE)) == []
    assert fits(scan(smooth(), np.diag([2.0, 1.0, 0.5, 1.0]))) == []
    assert "this is a CT scan" in fits(scan(smooth(), AFFINE, "ct"))[0]
    (reason,) = fits(scan(smooth(), np.diag([1.0, 5.0, 1.0, 1.0])))
    assert reason == "trained on voxels of 1 mm, these are up to 5 mm"


def test_files_of_an_analysis_hold_the_labels_in_the_space_of_the_scan(tmp_path):
    affine = np.array([[0, 0.8, 0, 5], [-0.9, 0, 0, 1], [0, 0, 1.1, 2], [0, 0, 0, 1.0]])
    spec = registry.find("unet3d-hippocampus")
    torch.manual_seed(0)
    net = registry.create(spec.name, 3).eval()
    found = analyze(scan(smooth(), affine), spec, net=net)
    written = {path.name for path in write_folder(found, net, tmp_path)}
    assert {"labels.nii.gz", "segmentation.html", "analysis.json", "layer.html"} <= written
    image = nibabel.load(tmp_path / "labels.nii.gz")
    np.testing.assert_array_equal(np.asarray(image.dataobj), found.prediction.labels)
    np.testing.assert_allclose(image.affine, affine, atol=1e-5)
    page = (tmp_path / "segmentation.html").read_text()
    assert page.count("<img") == 3
    assert "anterior" in page
