"""Overlap and surface distances, against slow loops and MONAI."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from models.training import overlap


def blobs(seed: int, shape=(14, 16, 12), classes: int = 3) -> np.ndarray:
    """Smooth random labels, so that each class has a connected part."""
    noise = np.random.default_rng(seed).standard_normal((classes, *shape))
    return np.argmax([ndimage.gaussian_filter(one, 2.0) for one in noise], axis=0)


def one_hot(labels: np.ndarray, classes: int = 3) -> torch.Tensor:
    return torch.from_numpy(
        np.stack([labels == k for k in range(classes)])[None].astype(np.float32)
    )


def slow_dice(truth: np.ndarray, answer: np.ndarray, label: int) -> float:
    a = {place for place in np.ndindex(truth.shape) if truth[place] == label}
    b = {place for place in np.ndindex(answer.shape) if answer[place] == label}
    return 2 * len(a & b) / (len(a) + len(b))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_dice_equals_sets_of_places_in_a_loop(dim):
    shape = {1: (60,), 2: (16, 12), 3: (8, 7, 9)}[dim]
    random = np.random.default_rng(dim)
    truth, answer = random.integers(0, 4, (2, *shape))
    expected = [slow_dice(truth, answer, k) for k in (1, 2, 3)]
    np.testing.assert_allclose(overlap.dice(truth, answer, 4), expected, atol=1e-12)


def test_dice_is_one_for_equal_zero_for_disjoint_and_undefined_for_absent_classes():
    truth = np.array([0, 1, 1, 2, 0])
    np.testing.assert_array_equal(overlap.dice(truth, truth, 4), [1, 1, np.nan])
    np.testing.assert_array_equal(overlap.dice(truth, np.array([1, 0, 0, 0, 2]), 4), [0, 0, np.nan])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy.*:FutureWarning")
def test_overlap_and_distances_equal_monai():
    from monai import metrics

    spacing = (1.0, 0.7, 2.5)
    for seed in range(3):
        truth, answer = blobs(2 * seed), blobs(2 * seed + 1)
        answer = np.where(blobs(90 + seed) > 0, truth, answer)  # alike, but not the same
        pair = one_hot(answer), one_hot(truth)
        expected = metrics.compute_dice(*pair, include_background=False)[0]
        np.testing.assert_allclose(overlap.dice(truth, answer, 3), expected, atol=1e-6)
        options = {"include_background": False, "spacing": spacing}
        farthest = metrics.compute_hausdorff_distance(*pair, percentile=95, **options)[0]
        mean = metrics.compute_average_surface_distance(*pair, symmetric=True, **options)[0]
        for k in (1, 2):
            masks = truth == k, answer == k
            assert overlap.hausdorff95(*masks, spacing) == pytest.approx(float(farthest[k - 1]))
            assert overlap.surface_distance(*masks, spacing) == pytest.approx(float(mean[k - 1]))


def test_distance_of_two_cubes_side_by_side_by_hand():
    truth, answer = np.zeros((2, 9, 20, 9), bool)
    truth[3:6, 3:6, 3:6] = True
    answer[3:6, 8:11, 3:6] = True  # 5 voxels on: 10 mm at 2 mm
    spacing = (1.0, 2.0, 1.0)
    # 26 surface voxels each: 9 of the near face at 6 mm, 8 in the middle at 8 mm, 9 at 10 mm
    assert overlap.surface_distance(truth, answer, spacing) == pytest.approx((54 + 64 + 90) / 26)
    assert overlap.hausdorff95(truth, answer, spacing) == pytest.approx(10.0)


def test_distances_are_undefined_where_a_mask_is_empty():
    some, none = np.ones((3, 3), bool), np.zeros((3, 3), bool)
    assert np.isnan(overlap.hausdorff95(some, none, (1, 1)))
    assert np.isnan(overlap.surface_distance(none, none, (1, 1)))
