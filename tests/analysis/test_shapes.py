"""Average beats against a plain loop; beats in gaps and at the ends stay out."""

import numpy as np
import pytest

from dashboard.analysis.shapes import AVERAGED, DRAWN, beat_shapes, cut_beats, one_beat, whole_beats
from dashboard.data.builtin import builtin
from dashboard.data.sample import Sample
from models.records import AAMI, Beats

RATE = 100.0


def record(seed: int = 0, length: int = 30_000) -> tuple[Sample, Beats]:
    random = np.random.default_rng(seed)
    lead = np.cumsum(random.normal(size=(2, length)), axis=1).astype(np.float32)
    positions = np.sort(random.uniform(0, length - 1, 250))
    positions[0], positions[-1] = 3.2, length - 5.6
    labels = random.integers(0, 4, 250)  # no Q
    for start in random.integers(0, length - 50, 12):
        lead[1, start : start + random.integers(1, 40)] = np.nan
    sample = Sample(lead, "t", "ecg", ("I", "II"), ("mV", "mV"), "s", sampling_rate=RATE)
    return sample, Beats(AAMI, positions, labels, np.ones(250), np.zeros((250, 5)))


def slow_cuts(sample: Sample, lead: int, beats: Beats, label: int) -> list[np.ndarray]:
    """The beats of a class, one by one."""
    cuts = []
    for position, own in zip(beats.positions, beats.labels, strict=True):
        first = round(float(position)) - 30
        if own != label or first < 0 or first + 81 > sample.shape[0]:
            continue
        cut = sample.array[lead][first : first + 81].astype(float)
        if not np.isnan(cut).any():
            cuts.append(cut - np.median(cut))
    return cuts


@pytest.mark.parametrize("lead", [0, 1])
def test_averages_equal_a_loop_over_beats(lead):
    sample, beats = record()
    found = beat_shapes(sample, lead, beats)
    np.testing.assert_allclose(found.times, np.arange(-30, 51) / RATE)
    assert list(found.of_class) == ["N", "S", "V", "F"]
    for label, shape in enumerate(found.of_class.values()):
        cuts = np.array(slow_cuts(sample, lead, beats, label))
        assert shape.whole == shape.averaged == len(cuts)
        assert shape.found == (beats.labels == label).sum()
        # float32 sums of up to 100 values of size 10.
        np.testing.assert_allclose(shape.mean, cuts.mean(axis=0), atol=1e-4)
        np.testing.assert_allclose(shape.deviation, cuts.std(axis=0, ddof=1), atol=1e-4)
        np.testing.assert_allclose(shape.median, np.median(cuts, axis=0), atol=1e-4)
        np.testing.assert_allclose(shape.drawn, cuts, atol=1e-4)
    assert sum(s.found - s.whole for s in found.of_class.values()) >= (12 if lead else 2)


def test_drawn_beats_are_those_of_their_index():
    sample, beats = record(1)
    for label, shape in enumerate(beat_shapes(sample, 1, beats).of_class.values()):
        assert (beats.labels[shape.beats] == label).all()
        assert whole_beats(sample, 1, beats.positions[shape.beats]).all()


def test_one_beat_is_the_row_of_its_place_or_none():
    sample, beats = record(2)
    whole = whole_beats(sample, 1, beats.positions)
    assert 0 < (~whole).sum() < len(whole)
    for k, position in enumerate(beats.positions):
        found = one_beat(sample, 1, float(position))
        assert (found is not None) == whole[k]
        if whole[k]:
            np.testing.assert_array_equal(
                found, cut_beats(sample, 1, beats.positions[k : k + 1])[0]
            )


def test_many_beats_are_thinned_evenly_over_the_record():
    length = 400_000
    sample = Sample(np.zeros((1, length), np.int16), "t", "ecg", ("I",), ("mV",), "s", RATE)
    positions = np.arange(100.0, length - 100, 70)
    count = len(positions)
    beats = Beats(AAMI, positions, np.zeros(count, int), np.ones(count), np.zeros((count, 5)))
    (shape,) = beat_shapes(sample, 0, beats).of_class.values()
    assert (shape.found, shape.whole, shape.averaged) == (count, count, AVERAGED)
    assert len(shape.beats) == DRAWN
    assert shape.beats[0] == 0
    assert np.diff(shape.beats).max() <= 1.1 * count / DRAWN


def test_one_beat_has_no_deviation_and_none_has_no_shape():
    sample, beats = record()
    one = Beats(AAMI, beats.positions[50:51], np.array([2]), np.ones(1), np.zeros((1, 5)))
    (shape,) = beat_shapes(sample, 0, one).of_class.values()
    assert shape.symbol == "V"
    assert np.isnan(shape.deviation).all()
    none = Beats(AAMI, np.empty(0), np.empty(0, int), np.empty(0), np.empty((0, 5)))
    assert beat_shapes(sample, 0, none).of_class == {}


def test_ventricular_beats_of_the_built_in_record_are_wide():
    sample = builtin("ecg")
    (marks,) = sample.annotations
    labels = np.array([{"N": 0, "A": 1, "V": 2}[s] for s in marks.symbols])
    count = len(labels)
    beats = Beats(AAMI, marks.positions, labels, np.ones(count), np.zeros((count, 5)))
    found = beat_shapes(sample, 1, beats)
    width = {k: (s.mean > 0.5 * s.mean.max()).sum() / 500 for k, s in found.of_class.items()}
    assert width["V"] > 1.4 * width["N"]  # of the wave above half its height
