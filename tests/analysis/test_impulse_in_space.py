"""A marked voxel keeps its world mm from the file to planes, surfaces and exported NIfTI files.

Through `prepare` and a network whose weights, set by hand, copy one voxel through strides and
padding.
"""

from dataclasses import replace
from io import BytesIO

import nibabel
import numpy as np
import pytest
import torch
from nilearn.image import resample_to_img
from PIL import Image
from torch import nn

from dashboard.analysis import layers
from dashboard.data.prepare import prepare
from dashboard.data.sample import Sample
from dashboard.data.surface import map_surface
from dashboard.data.writers.nifti_file import map_nifti_bytes
from dashboard.figures.volumes import layer_picture, planes
from models import registry
from models.nd import Nd

SHAPE = (26, 31, 23)
UNIT = (2, 3, 1)  # of the last layer, in the order it is fed: right, anterior, superior


class Copying(nn.Module):
    """Unit u of `second` is the fed voxel 4 u + 2, in channel 1 with the other sign."""

    def __init__(self) -> None:
        super().__init__()
        conv = Nd(3).conv
        self.first = conv(1, 2, 3, stride=2, padding=1, bias=False)  # its unit u: voxel 2 u
        self.second = conv(2, 2, 5, stride=2, padding=1, bias=False)  # its unit u: 2 u + 1 of first
        with torch.no_grad():
            self.first.weight.zero_()
            self.first.weight[:, 0, 1, 1, 1] = torch.tensor([1.0, -1.0])
            self.second.weight.zero_()
            for channel in range(2):
                self.second.weight[channel, channel, 2, 2, 2] = 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x))


def turned(flips) -> np.ndarray:
    turn, _ = np.linalg.qr(np.random.default_rng(11).standard_normal((3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * (0.8, 1.5, 2.2) * flips
    affine[:3, 3] = (-31.0, 14.5, 60.0)
    return affine


SHEARED = turned((1, 1, 1)) @ np.array(
    [[1, 0.25, 0, 0], [0, 1, -0.15, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
)
AFFINES = {
    "identity": np.eye(4),
    "flipped": np.diag([-1.0, 1.0, -2.0, 1.0]),
    "permuted": np.array([[0, 0, 3.0, 4], [-1.0, 0, 0, 5], [0, 2.0, 0, -6], [0, 0, 0, 1]]),
    "turned": turned((1, 1, 1)),
    "turned and flipped": turned((-1, 1, 1)),
    "sheared": SHEARED,
}


def seen(affine: np.ndarray) -> tuple[Sample, np.ndarray, layers.LayerView]:
    """A scan with one marked voxel, its index, and the last layer over it."""
    spec = registry.find("resnet3d-hippocampus")
    spec = replace(spec, input=replace(spec.input, normalise="none", channels=1, spacing=None))

    def scan(values: np.ndarray) -> Sample:
        return Sample(values[None], "x", "mr", ("value",), ("",), "mm", affine=affine)

    empty = prepare(scan(np.zeros(SHAPE, np.float32)), spec.input, whole=True)
    voxel = np.rint(empty.index_in_sample(4 * np.array(UNIT) + 2)).astype(int)
    marked = np.zeros(SHAPE, np.float32)
    marked[tuple(voxel)] = 1.0
    sample = scan(marked)
    fed = prepare(sample, spec.input, whole=True)
    # A whole volume is scaled by its own range to -1 and 1; here the mark alone is not zero.
    fed = replace(fed, array=(fed.array > 0).astype(np.float32))
    assert fed.array.sum() == 1
    return sample, voxel, layers.look(Copying().eval(), fed, "second")


@pytest.fixture(params=AFFINES)
def scene(request):
    return seen(AFFINES[request.param])


def test_the_unit_says_where_the_voxel_is(scene):
    sample, voxel, view = scene
    assert np.argwhere(view.maps[0]).tolist() == [list(UNIT)]
    assert view.maps[1].min() == -1
    world = sample.to_world(view.position_of(UNIT))
    np.testing.assert_allclose(world, sample.to_world(voxel), atol=1e-9)


@pytest.mark.parametrize("linear", [False, True], ids=["nearest", "linear"])
def test_the_planes_show_it_over_the_voxel(scene, linear):
    sample, voxel, view = scene
    for where in planes(sample.shape, sample.affine, voxel):
        png = layer_picture(where, view.maps[0], view.place, 1.0, linear=linear)
        alpha = np.asarray(Image.open(BytesIO(png)))[..., 3]
        rows, columns = np.nonzero(alpha == alpha.max())
        assert alpha.max() > 0
        shape = np.array(where.shape)
        lit = (np.array([rows.mean(), columns.mean()]) + 0.5) / shape
        x, y = where.fraction(voxel)
        # The nearest unit covers 4 voxels, of which the marked one is not quite the middle.
        reach = (0.0 if linear else 0.5) / shape
        np.testing.assert_array_less(np.abs(lit - (y, x)), reach + 1e-9)


def test_the_surfaces_lie_around_it(scene):
    sample, voxel, view = scene
    for channel, sign in ((0, 1), (1, -1)):
        values = sign * view.maps[channel]
        found = map_surface(values, sample.affine @ view.place, 0.5)
        assert len(found) == 8  # an octahedron, its corners half a unit away
        np.testing.assert_allclose(found.vertices.mean(axis=0), sample.to_world(voxel), atol=1e-4)
        away = np.linalg.norm(found.vertices - sample.to_world(voxel), axis=1)
        halves = np.linalg.norm((sample.affine @ view.place)[:3, :3], axis=0) / 2
        np.testing.assert_allclose(np.sort(away), np.sort([*halves, *halves]), atol=1e-4)


def test_the_exported_map_lies_there_in_other_programs(scene, tmp_path):
    sample, voxel, view = scene
    path = tmp_path / "map.nii.gz"
    values = view.maps[0].copy()
    values[0, 0, 0] = 0.25  # nilearn warns when only two values are resampled
    path.write_bytes(map_nifti_bytes(values, sample.affine @ view.place))
    image = nibabel.load(path)
    unit = np.argwhere(image.get_fdata() == 1)[0]
    world = nibabel.affines.apply_affine(image.affine, unit)
    np.testing.assert_allclose(world, sample.to_world(voxel), atol=1e-4)  # float32 of 100 mm
    scan = nibabel.Nifti1Image(sample.array[0], sample.affine)
    options = {"interpolation": "linear", "force_resample": True, "copy_header": True}
    placed = resample_to_img(image, scan, **options).get_fdata()
    np.testing.assert_array_equal(np.unravel_index(placed.argmax(), placed.shape), voxel)


@pytest.mark.parametrize("name", [name for name in AFFINES if name != "sheared"])
def test_itk_puts_the_exported_map_there(name, tmp_path):
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    sample, voxel, view = seen(AFFINES[name])
    path = tmp_path / "map.nii.gz"
    path.write_bytes(map_nifti_bytes(view.maps[0], sample.affine @ view.place))
    image = sitk.ReadImage(str(path))
    k, j, i = np.argwhere(sitk.GetArrayFromImage(image))[0].tolist()
    lps = np.array(image.TransformIndexToPhysicalPoint((i, j, k)))
    np.testing.assert_allclose(lps * (-1, -1, 1), sample.to_world(voxel), atol=1e-3)
