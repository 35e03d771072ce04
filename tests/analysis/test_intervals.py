"""Which RR intervals count as N-N, against a plain loop over beats and samples."""

import numpy as np
import pytest

from dashboard.analysis.intervals import (
    FAR,
    GAP,
    KEPT,
    LENGTH,
    NOT_NORMAL,
    REASONS,
    gaps_of,
    intervals_of,
)
from dashboard.data.sample import Sample
from models.records import AAMI, Beats


def beats_of(positions, symbols: str) -> Beats:
    count = len(positions)
    labels = np.array([AAMI.index(letter) for letter in symbols], dtype=int)
    positions = np.asarray(positions, dtype=float)
    return Beats(AAMI, positions, labels, np.ones(count), np.zeros((count, 5)))


def lead_of(values, rate: float = 100.0) -> Sample:
    array = np.asarray(values, dtype=np.float32)[None]
    return Sample(array, "test", "ecg", ("II",), ("mV",), "s", sampling_rate=rate)


def slow_reason(signal, positions, symbols, k, rate) -> int:
    """The reason of the interval that ends with beat k + 1, sample by sample."""
    if symbols[k] != "N" or symbols[k + 1] != "N":
        return NOT_NORMAL
    longest = run = 0
    for place in range(int(positions[k]) + 1, int(positions[k + 1])):
        run = run + 1 if np.isnan(signal[place]) else 0
        longest = max(longest, run)
    if longest / rate >= 0.08:
        return GAP
    length = (positions[k + 1] - positions[k]) / rate
    return KEPT if 0.3 <= length <= 2.0 else LENGTH


@pytest.mark.parametrize("seed", range(8))
def test_reasons_equal_a_loop_over_beats_and_samples(seed):
    random = np.random.default_rng(seed)
    signal = random.normal(size=20_000)
    positions = np.cumsum(random.integers(15, 240, 150))
    symbols = "".join(random.choice(list("NNNNNNSVFQ"), 150))
    for start in random.integers(0, 19_000, 25):  # gaps that touch no beat
        stretch = np.arange(start, start + random.integers(1, 30))
        signal[stretch[~np.isin(stretch, positions)]] = np.nan
    sample = lead_of(signal)
    found = intervals_of(beats_of(positions, symbols), 100.0, gaps_of(sample, 0))
    wanted = [slow_reason(signal, positions, symbols, k, 100.0) for k in range(149)]
    assert found.reasons.tolist() == wanted
    assert {KEPT, NOT_NORMAL, GAP, LENGTH} <= set(wanted)
    assert dict(found.left_out()) == {REASONS[k]: wanted.count(k) for k in set(wanted) if k != KEPT}


def test_only_intervals_that_share_a_beat_are_pairs():
    found = intervals_of(beats_of(range(0, 800, 100), "NNNVNNNN"), 100.0)
    assert found.kept.tolist() == [True, True, False, False, True, True, True]
    assert found.pairs.tolist() == [0, 4, 5]


def test_an_early_beat_called_normal_is_far_from_its_neighbours():
    steps = [80] * 10 + [50, 110] + [80] * 10  # 10 ms each
    beats = beats_of(np.cumsum([0, *steps]), "N" * 23)
    assert intervals_of(beats, 100.0).kept.all()
    strict = intervals_of(beats, 100.0, tolerance=0.2)
    assert np.flatnonzero(strict.reasons == FAR).tolist() == [10, 11]
    assert (strict.reasons != FAR).sum() == 20


def test_the_neighbours_are_the_kept_ones():
    # Between V beats all intervals are short; the N-N ones beyond them agree with each other.
    beats = beats_of(np.cumsum([0] + [80] * 6 + [40] * 12 + [80] * 6), "N" * 7 + "V" * 11 + "N" * 7)
    assert FAR not in intervals_of(beats, 100.0, tolerance=0.2).reasons


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_beats_have_no_interval(count):
    found = intervals_of(beats_of([5.0] * count, "N" * count), 100.0, tolerance=0.2)
    assert len(found) == 0
    assert found.left_out() == []
    assert len(found.pairs) == 0


def test_gaps_are_found_across_the_pieces_they_are_read_in(monkeypatch):
    monkeypatch.setattr("dashboard.analysis.intervals.CHUNK", 50)
    signal = np.zeros(200)
    for low, high in ((0, 10), (45, 60), (95, 100), (120, 122), (180, 200)):
        signal[low:high] = np.nan
    sample = lead_of(signal)
    assert gaps_of(sample, 0, shortest=0).tolist() == [
        [0, 10],
        [45, 60],
        [95, 100],
        [120, 122],
        [180, 200],
    ]
    assert [120, 122] not in gaps_of(sample, 0).tolist()  # 20 ms


def test_a_lead_stored_in_whole_numbers_has_no_gap():
    whole = Sample(np.zeros((1, 99), np.int16), "t", "ecg", ("II",), ("mV",), "s", 100.0)
    assert gaps_of(whole, 0).shape == (0, 2)
