"""Order, gaps, shear and affine of DICOM slices, against positions worked out by hand."""

import numpy as np
import pytest

from dashboard.data.readers import DamagedFile
from dashboard.data.readers.dicom_geometry import grid_of
from dashboard.data.readers.dicom_stacks import stacks_of, volumes_of
from tests.data.readers.dicom_scans import plane, stack

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


def _heights(grid) -> list[float]:
    return [p.position[2] for p in grid.planes]


def test_slices_ascend_along_their_normal_whatever_they_are_numbered():
    grid = grid_of(stack([6, 0, 4, 2]))
    assert _heights(grid) == [0, 2, 4, 6]
    assert grid.slots == (0, 1, 2, 3)
    assert grid.notes == ()


def test_a_flipped_row_turns_the_order_round():
    turned = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # the normal points down
    grid = grid_of(stack([0, 2, 4], orientation=lambda z: turned))
    assert _heights(grid) == [4, 2, 0]
    np.testing.assert_allclose(grid.affine[:3, 2], [0, 0, -2])


def test_every_voxel_lies_where_the_standard_puts_it():
    # PS3.3, equation C.7.6.2.1-1: position + row direction * spacing between columns * column
    # + column direction * spacing between rows * row.
    row, column = np.array([0.6, 0.8, 0.0]), np.array([-0.8, 0.6, 0.0])
    planes = [
        plane(
            0,
            order=n,
            position=(1.0, 2.0, 3.0 + 1.5 * n),
            orientation=(*row, *column),
            spacing=(0.5, 0.7),
        )
        for n in range(3)
    ]
    affine = grid_of(planes).affine
    for i, j, k in [(0, 0, 0), (3, 0, 0), (0, 5, 0), (2, 4, 2)]:
        wanted = np.array([1, 2, 3 + 1.5 * k]) + row * 0.7 * i + column * 0.5 * j
        np.testing.assert_allclose((affine @ [i, j, k, 1])[:3], LPS_TO_RAS @ wanted, atol=1e-12)


def test_a_single_slice_is_as_thick_as_its_file_says():
    np.testing.assert_allclose(grid_of([plane(5)]).affine[:3, 2], [0, 0, 2.0])


def test_a_missing_slice_leaves_its_place_empty():
    grid = grid_of(stack([0, 2, 4, 8, 10, 12]))
    assert grid.slots == (0, 1, 2, 4, 5, 6)
    assert grid.count == 7
    np.testing.assert_allclose(grid.affine[:3, 2], [0, 0, 2])
    assert "1 slice is missing, place 4 (6 mm) of 7" in grid.notes[0]


def test_rounded_positions_do_not_add_up_to_a_missing_slice():
    heights = np.round(np.arange(1200) * (1 / 3), 2)
    grid = grid_of(stack(heights))
    assert grid.slots == tuple(range(1200))
    assert grid.notes == ()


def test_uneven_distances_are_interpolated_between_the_slices_around():
    heights = [0, 3, 6, 9, 16, 23, 30]
    grid = grid_of(stack(heights))
    assert grid.slots == tuple(range(7))
    assert "3 to 7 mm apart: interpolated linearly at every 3 mm" in grid.notes[0]
    step = np.linalg.norm(grid.affine[:3, 2])
    np.testing.assert_allclose(step, 3)
    places = np.arange(len(grid.blend)) * step
    np.testing.assert_allclose(np.interp(grid.blend, range(7), heights), places, atol=1e-12)


def test_a_tilted_gantry_shears_the_affine_and_says_so():
    tilt = np.radians(16.5)
    leaning = (1.0, 0.0, 0.0, 0.0, np.cos(tilt), -np.sin(tilt))
    grid = grid_of(stack([0, 5, 10], orientation=lambda z: leaning))
    np.testing.assert_allclose(grid.affine[:3, 2], [0, 0, 5], atol=1e-12)
    assert "leans by 16.5 degrees" in grid.notes[0]


def test_slices_at_one_place_are_kept_once():
    planes = stack([0, 2, 2, 4])
    grid = grid_of(planes)
    assert grid.slots == (0, 1, 2)
    assert grid.repeats == ((planes[2], 1),)


def test_slices_shifted_sideways_are_refused():
    aside = [0, 0, 30, 0]
    planes = [plane(0, order=n, position=(x, 0.0, 2.0 * n)) for n, x in enumerate(aside)]
    with pytest.raises(DamagedFile, match="shifted sideways by up to 30 mm"):
        grid_of(planes)


def test_slices_without_a_place_are_stacked_as_they_are_counted():
    planes = stack([3, 1, 2], position=lambda z: None)
    grid = grid_of(planes)
    assert grid.planes == tuple(planes)
    np.testing.assert_allclose(grid.affine, np.diag([-1, -1, 2, 1]))
    assert "does not say where its slices lie" in grid.notes[0]


# Stacks and volumes


def test_series_orientations_and_distant_blocks_are_stacks_of_their_own():
    sagittal = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
    planes = [
        *stack([0, 2, 4, 6, 300, 302]),
        *stack([1, 3], orientation=lambda z: sagittal),
        *stack([0, 2], series=lambda z: "2", number=lambda z: 5),
    ]
    found = {s.key: [p.position[2] for p in s.planes] for s in stacks_of(planes)}
    assert found == {"1.1": [0, 2, 4, 6], "1.2": [1, 3], "1.3": [300, 302], "5": [0, 2]}


def test_labels_say_number_size_and_count():
    (found,) = stacks_of(stack([0, 2]))
    assert found.label == "1: CT 2 x 2, 2 images"


def test_directions_that_differ_by_rounding_are_one_stack():
    near = (1.0, 0.0004, 0.0, 0.0, 1.0, 0.0)
    planes = [plane(0), plane(2, orientation=near), plane(4)]
    assert len(stacks_of(planes)) == 1


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ([{"echo": 4.6}, {"echo": 2.3}], ["echo 2.3 ms", "echo 4.6 ms"]),
        ([{"b": 0.0}, {"b": 1000.0}], ["b 0 s/mm2", "b 1000 s/mm2"]),
        ([{"time": 10.0}, {"time": 9.0}], ["time 9", "time 10"]),
        ([{"type": "M"}, {"type": "P"}], ["m", "p"]),
        ([{}, {}], ["volume 1 in the order taken", "volume 2 in the order taken"]),
    ],
)
def test_volumes_at_one_place_are_told_apart(keys, words):
    planes = [
        plane(z, order=n, keys=tuple(facts.items()))
        for n, facts in enumerate(keys)
        for z in (0, 2, 4)
    ]
    found = volumes_of(planes)
    assert [said for said, _ in found] == words
    assert [sorted(p.position[2] for p in part) for _, part in found] == [[0, 2, 4]] * 2


def test_two_things_that_vary_at_once_make_four_volumes():
    planes = [
        plane(z, keys=(("echo", float(e)), ("type", t)))
        for z in (0, 2)
        for e in (1, 2)
        for t in ("M", "P")
    ]
    said = [words for words, _ in volumes_of(planes)]
    assert said == ["echo 1 ms, m", "echo 1 ms, p", "echo 2 ms, m", "echo 2 ms, p"]


def test_what_differs_from_slice_to_slice_splits_nothing():
    planes = stack([0, 2, 4], keys=lambda z: (("trigger", float(z)),))
    assert [part for _, part in volumes_of(planes)] == [planes]


def test_one_doubled_slice_is_no_second_volume():
    assert len(volumes_of(stack([0, 2, 2, 4]))) == 1
