"""Scores become a class for every voxel of the sample, wherever the network looked."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from models.decode import segmentation
from models.decode.segmentation import decode, fed_region, resampled

NAMES = ("background", "one", "two")


def scores_of(shape, seed=0) -> torch.Tensor:
    noise = np.random.default_rng(seed).standard_normal((3, *shape))
    return torch.from_numpy(np.stack([ndimage.gaussian_filter(one, 1.5) for one in noise]) * 20)


@pytest.mark.parametrize("shape", [(30,), (14, 12), (8, 10, 6)], ids=["1d", "2d", "3d"])
def test_on_the_same_grid_labels_are_the_largest_scores(shape):
    scores = scores_of(shape)
    mask = decode(scores[None], NAMES, np.eye(len(shape) + 1), shape, shape)
    np.testing.assert_array_equal(mask.labels, scores.argmax(dim=0))
    assert mask.labels.dtype == np.uint8
    assert mask.region is None
    expected = torch.softmax(scores, dim=0)
    np.testing.assert_allclose(mask.probabilities, expected, atol=1e-3)  # kept as float16


def test_padding_is_left_out_and_the_rest_of_the_sample_is_background():
    scores = scores_of((8, 8))
    scores[1, 5:] = 99  # the padding would be class 1
    shift = np.array([[1.0, 0, 3], [0, 1, 4], [0, 0, 1]])
    mask = decode(scores, NAMES, shift, (5, 8), (20, 20))
    assert mask.region == (slice(3, 8), slice(4, 12))
    np.testing.assert_array_equal(mask.labels[3:8, 4:12], scores[:, :5].argmax(dim=0))
    mask.labels[3:8, 4:12] = 0
    assert not mask.labels.any()
    expected = torch.softmax(scores[:, :5], dim=0)
    np.testing.assert_allclose(mask.probabilities, expected, atol=1e-3)


def test_turned_axes_are_turned_back():
    """Fed (x, y, z) is sample (z, x reversed, y)."""
    scores = scores_of((4, 5, 6))
    matrix = np.array([[0, 0, 1, 0], [-1, 0, 0, 3], [0, 1, 0, 0], [0, 0, 0, 1.0]])
    mask = decode(scores, NAMES, matrix, (4, 5, 6), (6, 4, 5))
    expected = scores.argmax(dim=0).numpy().transpose(2, 0, 1)[:, ::-1]
    np.testing.assert_array_equal(mask.labels, expected)


@pytest.mark.parametrize("steps", [(2.0, 0.5, 1.3), (0.4, 3.0, 1.0)])
def test_other_voxel_sizes_read_probabilities_linearly(steps):
    """Oracle: trilinear interpolation written out, one voxel at a time."""
    shares = torch.softmax(scores_of((6, 7, 5)), dim=0).numpy()
    matrix = np.diag([*steps, 1.0])
    matrix[:3, 3] = 1.0, 2.0, 0.0
    box = fed_region(matrix, (6, 7, 5), (40, 40, 40))
    read = resampled(shares, matrix, box)
    random = np.random.default_rng(1)
    for _ in range(60):
        place = [int(random.integers(s.start, s.stop)) for s in box]
        fed = (np.array(place) - matrix[:3, 3]) / steps
        fed = np.clip(fed, 0, np.array(shares.shape[1:]) - 1)
        low = np.minimum(fed.astype(int), np.array(shares.shape[1:]) - 2)
        part = fed - low
        value = 0.0
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(corner, part, 1 - part))
            value = value + weight * shares[(slice(None), *(low + corner))]
        index = tuple(p - s.start for p, s in zip(place, box, strict=True))
        np.testing.assert_allclose(read[(slice(None), *index)], value, atol=1e-5)


@pytest.mark.parametrize("step", [0.1, 0.3, 0.7, 1.0, 1.5, 4.0])
def test_a_volume_fed_whole_is_answered_whole(step):
    """`prepare` starts at voxel 0 and ends where the next step would leave the volume."""
    for n in range(2, 40):
        fed = int(np.floor((n - 1) / step + 1e-6)) + 1
        for flipped in (False, True):
            matrix = np.array([[step, 0.0], [0, 1]])
            if flipped:
                matrix = np.array([[-step, n - 1.0], [0, 1]])
            assert fed_region(matrix, (fed,), (n,)) == (slice(0, n),)


def test_the_region_is_what_fed_voxels_stand_for():
    matrix = np.array([[2.0, 10.0], [0, 1]])
    # fed 0..3 lie at 10, 12, 14, 16 and stand for one voxel on either side
    assert fed_region(matrix, (4,), (100,)) == (slice(9, 18),)
    assert fed_region(np.array([[1.0, -5.0], [0, 1]]), (8,), (100,)) == (slice(0, 3),)
    assert fed_region(np.array([[1.0, 96.0], [0, 1]]), (8,), (100,)) == (slice(96, 100),)
    beside = fed_region(np.array([[1.0, 300.0], [0, 1]]), (8,), (100,))[0]
    assert beside.start == beside.stop


def test_in_slabs_the_answer_is_the_same(monkeypatch):
    scores = scores_of((9, 8, 7))
    matrix = np.diag([0.7, 0.6, 0.8, 1.0])
    given = (NAMES, matrix, (9, 8, 7), (6, 5, 6))
    whole = decode(scores, *given)
    monkeypatch.setattr(segmentation, "SLAB", 40)
    parts = decode(scores, *given)
    np.testing.assert_array_equal(parts.labels, whole.labels)
    np.testing.assert_array_equal(parts.probabilities, whole.probabilities)
    monkeypatch.setattr(segmentation, "MOST_KEPT", 10)
    assert decode(scores, *given).probabilities is None


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="expected \\(3 classes, 2 axes\\)"):
        decode(np.zeros((2, 4, 4)), NAMES, np.eye(3), (4, 4), (4, 4))
    with pytest.raises(ValueError, match="got scores \\(3, 4\\)"):
        decode(np.zeros((3, 4)), NAMES, np.eye(3), (4, 4), (4, 4))
