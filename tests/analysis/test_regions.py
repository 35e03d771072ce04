"""Regions of a scan against slow loops over every voxel, and against hand calculation."""

import numpy as np
import pytest

from dashboard.analysis.regions import region, regions_of_labels, voxel_volume
from dashboard.data.sample import Sample
from tests.figures.test_volumes import rotation

SHEARED = np.eye(4)
SHEARED[:3, :3] = rotation(25) @ np.array([[1.0, 0.4, 0.0], [0.0, 1.5, 0.3], [0.0, 0.0, 2.5]])
SHEARED[:3, 3] = (-10, 4, 30)
ANISOTROPIC = np.diag([-0.5, 1.0, 3.0, 1.0])


def scan(shape=(20, 18, 12), affine=SHEARED, **fields):
    stored = np.random.default_rng(3).integers(-900, 900, shape).astype(np.int16)
    options = {"affine": affine, "scale": (2.0, -5.0), **fields}
    return Sample(stored[None], "s", "ct", ("v",), ("HU",), "mm", **options)


def slow(sample, centre, radius, shape):
    """Every voxel asked one by one."""
    values = []
    for index in np.ndindex(*sample.shape):
        offset = np.array(index) - centre
        if shape == "sphere":
            inside = np.linalg.norm(sample.affine[:3, :3] @ offset) <= radius
        else:
            inside = (np.abs(offset) * sample.spacing <= radius).all()
        if inside:
            values.append(float(sample.values((0, *index))))
    return np.array(values)


@pytest.mark.parametrize("affine", [SHEARED, ANISOTROPIC], ids=["sheared", "anisotropic"])
@pytest.mark.parametrize("shape", ["sphere", "box"])
@pytest.mark.parametrize("centre", [(9, 8, 6), (0, 17, 1)], ids=["inside", "corner"])
def test_a_region_is_what_a_loop_over_all_voxels_finds(affine, shape, centre):
    sample = scan(affine=affine)
    wanted = slow(sample, np.array(centre), 5.2, shape)
    found = region(sample, centre, 5.2, shape)
    assert found.count == len(wanted) > 10
    assert found.volume == pytest.approx(len(wanted) * abs(np.linalg.det(affine[:3, :3])))
    np.testing.assert_allclose(
        (found.mean, found.std, found.low, found.high),
        (wanted.mean(), wanted.std(), wanted.min(), wanted.max()),
        rtol=1e-6,
    )


def test_a_small_sphere_by_hand():
    # Spacing 1 x 2 x 4 mm, radius 2 mm: two to each side along i, one along j, none along k;
    # off the axes only none: (1, 1, 0) is sqrt(5) mm away.
    stored = np.zeros((9, 9, 9), np.float32)
    stored[2:7, 4, 4] = (1, 2, 3, 4, 5)
    stored[4, 3, 4], stored[4, 5, 4] = 10, 17
    affine = np.diag([1.0, 2.0, 4.0, 1.0])
    sample = Sample(stored[None], "s", "mr", ("v",), ("",), "mm", affine=affine)
    found = region(sample, (4, 4, 4), 2.0)
    assert found.count == 7
    assert found.volume == pytest.approx(7 * 8)
    assert found.mean == pytest.approx(42 / 7)
    assert found.std == pytest.approx(np.sqrt((25 + 16 + 9 + 4 + 1 + 16 + 121) / 7))
    assert (found.low, found.high) == (1, 17)


def test_voxels_without_a_value_do_not_count():
    values = np.ones((5, 5, 5), np.float32)
    values[2, 2, 2] = np.nan
    sample = Sample(values[None], "s", "mr", ("v",), ("",), "mm", affine=np.eye(4))
    assert region(sample, (2, 2, 2), 1.0).count == 6
    assert region(sample, (2, 2, 2), 0.5).count == 0
    with pytest.raises(ValueError, match="radius"):
        region(sample, (2, 2, 2), 0.0)


def test_labels_on_their_own_grid_read_the_nearest_voxel():
    sample = scan((10, 11, 12))
    affine = SHEARED @ np.diag([2.0, 1.5, 0.5, 1.0])
    affine[:3, 3] += 1.3
    labels = np.random.default_rng(5).integers(0, 3, (6, 8, 9)).astype(np.uint8)
    found = regions_of_labels(sample, labels, affine)
    assert sorted(found) == [1, 2]
    for label, one in found.items():
        values = []
        for index in np.argwhere(labels == label):  # the oracle goes through millimetres
            world = affine[:3, :3] @ index + affine[:3, 3]
            near = np.rint(sample.to_index(world)).astype(int)
            if ((near >= 0) & (near < sample.shape)).all():
                values.append(float(sample.values((0, *near))))
        assert one.count == (labels == label).sum() > len(values) > 20
        assert one.mean == pytest.approx(np.mean(values))
        assert one.std == pytest.approx(np.std(values))
        assert one.volume == pytest.approx(one.count * voxel_volume(affine))
