"""Heart rate variability against hand formulas, and against rhythms of known frequency."""

from math import isnan, sqrt

import numpy as np
import pytest

from dashboard.analysis.hrv import InTime, Missing, Spectrum, bridged, hrv_rows, in_time, spectrum
from dashboard.analysis.intervals import Intervals


def intervals(lengths_ms, kept=None) -> Intervals:
    lengths = np.asarray(lengths_ms, dtype=float) / 1000
    reasons = np.zeros(len(lengths), np.int8) if kept is None else (~np.asarray(kept)).astype("i1")
    return Intervals(np.cumsum(lengths), lengths, np.full(len(lengths), "N"), reasons)


def modulated(seconds: float, waves, mean: float = 800.0) -> np.ndarray:
    """RR in ms of a heart whose interval at time t is mean + sum of amplitude * sin(2 pi f t)."""
    now, lengths = 0.0, []
    while now < seconds:
        wave = sum(height * np.sin(2 * np.pi * f * now) for f, height in waves)
        lengths.append(mean + wave)
        now += lengths[-1] / 1000
    return np.array(lengths)


@pytest.mark.parametrize("seed", range(4))
def test_time_domain_equals_the_formulas_of_the_task_force(seed):
    random = np.random.default_rng(seed)
    lengths = random.normal(850, 60, 2_000)
    kept = random.random(2_000) > 0.15
    found = in_time(intervals(lengths, kept))
    normal = [x for x, ok in zip(lengths, kept, strict=True) if ok]
    mean = sum(normal) / len(normal)
    differences, sums = [], []
    for k in range(1, len(lengths)):
        if kept[k] and kept[k - 1]:
            differences.append(lengths[k] - lengths[k - 1])
            sums.append(lengths[k] + lengths[k - 1])

    def deviation(values):
        middle = sum(values) / len(values)
        return sqrt(sum((v - middle) ** 2 for v in values) / (len(values) - 1))

    assert found.mean == pytest.approx(mean)
    assert found.sdnn == pytest.approx(deviation(normal))
    assert found.rmssd == pytest.approx(sqrt(sum(d * d for d in differences) / len(differences)))
    over = sum(abs(d) > 50 for d in differences)
    assert found.pnn50 == pytest.approx(100 * over / len(differences))
    assert found.sd1 == pytest.approx(deviation(differences) / sqrt(2))
    assert found.sd2 == pytest.approx(deviation(sums) / sqrt(2))
    bins: dict[int, int] = {}
    for value in normal:
        place = int(value // (1000 / 128))
        bins[place] = bins.get(place, 0) + 1
    assert found.triangular == pytest.approx(len(normal) / max(bins.values()))


def test_no_difference_is_taken_over_what_was_left_out():
    lengths = [800.0, 800, 800, 400, 1000, 1000, 1000] * 10
    kept = [True, True, True, False, True, True, True] * 10
    # Every jump of 200 ms lies beside a left-out interval, or between two rounds (once each).
    found = in_time(intervals(lengths, kept))
    pairs, jumps = 10 * 4 + 9, 9
    assert found.rmssd == pytest.approx(sqrt(jumps * 200**2 / pairs))
    assert found.pnn50 == pytest.approx(100 * jumps / pairs)


def test_a_perfectly_regular_heart_has_no_variability():
    found = in_time(intervals([800.0] * 100))
    numbers = (found.sdnn, found.rmssd, found.pnn50, found.sd1, found.sd2)
    assert numbers == pytest.approx((0, 0, 0, 0, 0), abs=1e-9)
    assert isnan(found.triangular)  # 80 s of record


def test_too_few_intervals_are_said_in_words():
    few = in_time(intervals([800.0] * 9))
    assert isinstance(few, Missing)
    assert few.why.startswith("9 N-N intervals")
    alternating = in_time(intervals([800.0] * 100, [True, False] * 50))
    assert isinstance(alternating, Missing)
    assert "0 of them" in alternating.why


@pytest.mark.parametrize("seconds", [250.0, 1_810.0])
@pytest.mark.parametrize(("frequency", "band"), [(0.1, "lf"), (0.25, "hf"), (0.3, "hf")])
def test_a_rhythm_is_found_at_its_frequency_with_its_power(seconds, frequency, band):
    found = spectrum(intervals(modulated(seconds, [(frequency, 40.0)])))
    peak = found.frequencies[found.density.argmax()]
    assert peak == pytest.approx(frequency, abs=0.006)  # less than two steps of the spectrum
    # A sine of height 40 has a power of 40^2 / 2; one value per beat takes some off a fast one.
    assert getattr(found, band) == pytest.approx(800, rel=0.05)
    assert found.total - getattr(found, band) < 0.05 * 800
    assert found.used == found.stretches == max(1, seconds // 300)


def test_two_rhythms_keep_their_ratio():
    found = spectrum(intervals(modulated(1_810, [(0.09, 40.0), (0.22, 20.0)])))
    assert found.ratio == pytest.approx(4, rel=0.05)  # of the squares of the heights
    assert found.total == pytest.approx(found.vlf + found.lf + found.hf)


def test_single_early_beats_left_out_hardly_change_the_spectrum():
    lengths = modulated(1_800, [(0.1, 40.0)])
    whole = spectrum(intervals(lengths))
    kept = np.ones(len(lengths), bool)
    kept[20::25] = kept[21::25] = False  # one in 25 beats, both intervals beside it
    assert spectrum(intervals(lengths, kept)).lf == pytest.approx(whole.lf, rel=0.05)


def test_holes_are_bridged_by_beats_on_a_straight_line():
    ends, lengths = bridged(np.array([1.0, 2.0, 6.2]), np.array([1.0, 1.0, 1.2]))
    np.testing.assert_allclose(ends, [1.0, 2.0, 3.0, 4.0, 5.0, 6.2])
    np.testing.assert_allclose(lengths, [1.0, 1.0, *(1 + 0.2 * np.arange(1, 4) / 4.2), 1.2])


def test_a_stretch_with_too_few_normal_intervals_does_not_count():
    lengths = modulated(1_805, [(0.1, 40.0)])
    kept = np.ones(len(lengths), bool)
    ends = np.cumsum(lengths) / 1000
    kept[(ends > 310) & (ends < 590) & (np.arange(len(ends)) % 3 == 0)] = False
    found = spectrum(intervals(lengths, kept))
    assert (found.used, found.stretches) == (5, 6)


def test_a_short_or_a_broken_record_has_no_spectrum_and_says_why():
    short = spectrum(intervals([800.0] * 100))
    assert isinstance(short, Missing)
    assert "120 s" in short.why
    half = spectrum(intervals([800.0] * 1_000, [True, False] * 500))
    assert isinstance(half, Missing)
    assert "80 %" in half.why
    assert isinstance(spectrum(intervals([])), Missing)


def test_a_day_is_computed_in_seconds():
    lengths = np.random.default_rng(0).normal(800, 40, 108_100)
    found = spectrum(intervals(lengths))
    assert isinstance(found, Spectrum)
    assert len(found.density) < 200
    assert found.stretches == 288


def test_the_table_counts_what_was_left_out():
    kept = np.ones(400, bool)
    kept[::20] = False
    some = intervals(modulated(320, [(0.1, 30.0)])[:400], kept)
    time = in_time(some)
    assert isinstance(time, InTime)
    rows = {name: (value, unit) for name, value, unit in hrv_rows(some, time, spectrum(some))}
    assert rows["N-N intervals"] == (380, "")
    assert rows["left out: beside a beat that is not N"] == (20, "")
    assert rows["sdnn"] == (time.sdnn, "ms")
    assert rows["pnn50"][1] == "%"
    assert rows["lf"][1] == "ms^2"
