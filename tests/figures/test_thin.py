"""Thinning against a slow loop over every bucket: no peak lost, nothing moved by a pixel."""

import numpy as np
import pytest

from dashboard.figures.thin import Series, as_counts, strongest, thin


def noise(count, seed=0, gaps=True):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=count).astype(np.float32)
    if gaps:
        values[count // 3 : count // 2] = np.nan
    return values


@pytest.mark.parametrize("first_index", [0, 7, 123_456])
def test_every_bucket_keeps_its_lowest_and_highest_value(first_index):
    values, points = noise(10_007), 1_000
    kept = thin(Series(3.0, 0.004, values), points, first_index=first_index)
    size = round(2 * kept.per_point)  # a bucket is two points
    buckets = {}
    for k, value in enumerate(values):  # the oracle: a plain loop over samples
        if np.isfinite(value):
            buckets.setdefault((k + first_index) // size, []).append(float(value))
    pairs = kept.values.reshape(-1, 2)
    first = first_index // size
    for k, pair in enumerate(pairs):
        wanted = buckets.get(first + k)
        if wanted is None:
            assert np.isnan(pair).all()
        else:
            assert sorted(pair.tolist()) == [min(wanted), max(wanted)]


def test_a_kept_value_is_drawn_within_three_quarters_of_a_bucket_of_its_time():
    values = np.zeros(9_000, np.float32)
    places = np.arange(50, 9_000, 977)
    values[places] = np.arange(1, len(places) + 1)
    kept = thin(Series(0.0, 1.0, values), 900)
    for place, height in zip(places, range(1, len(places) + 1), strict=True):
        drawn = kept.times[np.flatnonzero(kept.values == height)[0]]
        assert abs(drawn - place) <= 1.5 * kept.per_point  # a bucket is two points


def test_short_series_are_not_touched():
    series = Series(1.0, 0.5, noise(500))
    assert thin(series, 500) is series


def test_moving_the_window_does_not_change_what_is_drawn():
    values = noise(20_000, gaps=False)
    whole = thin(Series(0.0, 1.0, values), 2_000)
    part = thin(Series(1_003.0, 1.0, values[1_003:19_003]), 1_800, first_index=1_003)
    assert part.step == whole.step
    inside = slice(4, -4)  # the buckets at the ends are cut
    found = np.searchsorted(whole.times, part.times[inside])
    np.testing.assert_allclose(whole.times[found], part.times[inside])
    np.testing.assert_array_equal(whole.values[found], part.values[inside])


def test_the_window_of_a_series_holds_its_ends_and_one_value_beyond():
    part = Series(10.0, 0.1, np.arange(100)).within(11.05, 12.0)
    assert part.start == pytest.approx(11.0)
    assert part.end >= 12.0
    assert part.values[0] == 10


def test_a_window_outside_the_series_is_empty():
    assert len(Series(0.0, 1.0, np.arange(5)).within(50, 60)) == 0


def test_strongest_keeps_the_value_of_largest_magnitude_with_its_sign():
    values = np.array([[0, -5, 3, 1, 2, 0, 9]], np.float32)
    reduced, size = strongest(values, 3)
    assert size == 3
    np.testing.assert_array_equal(reduced, [[-5, 2, 9]])


def test_counts_are_int16_and_round_to_half_a_unit():
    values = noise(1_000, gaps=False)
    counts = as_counts(values, 0.01)
    assert counts.counts.dtype == np.int16
    assert np.abs(counts.counts * counts.unit - values).max() <= 0.005 + 1e-6


def test_counts_with_gaps_stay_gaps():
    counts = as_counts(noise(100), 0.01).counts
    assert counts.dtype == np.float32
    assert np.isnan(counts).sum() == 100 // 2 - 100 // 3


def test_counts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="expected at most 32"):
        as_counts(np.array([40.0]), 0.001)
