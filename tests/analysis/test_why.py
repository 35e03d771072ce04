"""Attribution of one beat: the part that is run suffices, contributions are where they belong."""

import numpy as np
import pytest

from dashboard.analysis import why as w
from dashboard.analysis.analyze import analyze
from dashboard.data.builtin import builtin
from models import registry
from models.nets.beat_grid import SHAPES
from models.probes.attribution import gradient_times_input, unit
from models.records import AAMI
from models.run import run


@pytest.fixture(scope="module")
def found():
    """The built-in ECG, its analysis and the network."""
    sample, spec = builtin("ecg"), registry.find("ecg-beats")
    net = registry.load("ecg-beats")
    return sample, spec, net, analyze(sample, spec, net=net)


def some_beats(analysis) -> list[int]:
    count = len(analysis.prediction)
    return [0, 1, count // 2, count - 1]


def test_logit_of_the_part_equals_that_of_the_whole_lead(found):
    _, spec, net, analysis = found
    whole = run(net, analysis.prepared.array)[0].numpy()
    beats = analysis.prediction
    for beat in some_beats(analysis):
        cell = w.cell_at(analysis.prepared, spec, beats.positions[beat])
        part, inside = w.field_of(net, analysis.prepared, cell)
        cells = run(net, part.array)[0].numpy()[:, inside]
        np.testing.assert_allclose(cells, whole[:, cell], atol=1e-4)
        assert cells[0] > 0  # the cell is the one the beat was decoded from
        named = "N" if beats.symbols[beat] == "S" else beats.symbols[beat]
        assert SHAPES[cells[2:].argmax()] == named


def test_nothing_outside_the_part_contributes(found):
    _, spec, net, analysis = found
    place = analysis.prediction.positions[len(analysis.prediction) // 2]
    cell = w.cell_at(analysis.prepared, spec, place)
    whole = gradient_times_input(net, analysis.prepared.array, unit(2, cell)).values
    reason = w.why(net, spec, analysis.prepared, place, "N", "gradient × input")
    low = round(analysis.prepared.index_in_input(reason.part.index_in_sample([0]))[0])
    inside = slice(low, low + reason.values.shape[1])
    np.testing.assert_allclose(reason.values, whole[:, inside], atol=1e-5)
    outside = whole.copy()
    outside[:, inside] = 0
    assert not outside.any()


@pytest.mark.parametrize("answer", ["N", "V", w.BEAT])
def test_contributions_of_a_beat_sum_to_its_logit_less_that_of_a_flat_lead(found, answer):
    _, spec, net, analysis = found
    reason = w.why(
        net,
        spec,
        analysis.prepared,
        analysis.prediction.positions[3],
        answer,
        "integrated gradients",
    )
    about = reason.attribution
    # 32 points see the bends of the network's ReLUs only roughly: some hundredths of a logit
    assert abs(about.gap) < 0.05 * max(1.0, abs(about.output - about.baseline)) + 0.1
    rows = w.by_channel(reason, spec)
    assert sum(row.contribution for row in rows) == pytest.approx(reason.values.sum(), abs=1e-3)
    flat = run(net, np.zeros_like(reason.part.array))[0].numpy()
    channel = 0 if answer == w.BEAT else 2 + SHAPES.index(answer)
    assert about.baseline == pytest.approx(float(flat[channel, reason.cell]), abs=1e-4)


def test_share_in_sight_counts_what_lies_there(found):
    sample, spec, net, analysis = found
    place = analysis.prediction.positions[4]
    reason = w.why(net, spec, analysis.prepared, place, "N", "gradient × input")
    assert reason.share_within(0, sample.shape[0]) == pytest.approx(1)
    near, further = (
        reason.share_within(place - k * sample.sampling_rate, place + k * sample.sampling_rate)
        for k in (0.5, 2)
    )
    assert 0 < near < further < 1


def test_unknown_answer_is_named(found):
    _, spec, net, analysis = found
    with pytest.raises(ValueError, match="got 'X', expected 'beat' or one of"):
        w.why(net, spec, analysis.prepared, 100.0, "X", "integrated gradients")


def test_a_network_with_a_logit_for_every_class_is_asked_for_each(found):
    sample, spec = found[0], registry.find("ecg-unet")
    net = registry.load(spec.name)
    analysis = analyze(sample, spec, net=net)
    whole = run(net, analysis.prepared.array)[0].numpy()
    beats = analysis.prediction
    assert w.class_names(net, spec) == AAMI
    assert w.class_names(found[2], found[1]) == SHAPES
    for beat in some_beats(analysis):
        place, named = beats.positions[beat], beats.symbols[beat]
        reason = w.why(net, spec, analysis.prepared, place, named, "gradient × input")
        cell = w.cell_at(analysis.prepared, spec, place)
        np.testing.assert_allclose(
            run(net, reason.part.array)[0].numpy()[:, reason.cell], whole[:, cell], atol=1e-4
        )
        assert AAMI[whole[2:, cell].argmax()] == named
        assert [row.name for row in w.by_channel(reason, spec)] == ["lead"]


@pytest.mark.slow
def test_a_beat_is_explained_within_a_second(found):
    _, spec, net, analysis = found
    place = analysis.prediction.positions[len(analysis.prediction) // 2]
    seconds = [
        w.why(net, spec, analysis.prepared, place, "N", "integrated gradients").seconds
        for _ in range(3)
    ]
    assert min(seconds) < 1


def slow_stretches(values: np.ndarray, width: int, count: int) -> list[tuple]:
    """The stretch with the largest |sum| that overlaps none chosen before, again and again."""
    chosen: list[tuple] = []
    while len(chosen) < count:
        best = None
        for channel in range(values.shape[0]):
            for start in range(values.shape[1] - width + 1):
                if any(c == channel and abs(s - start) < width for c, s, _ in chosen):
                    continue
                total = float(values[channel, start : start + width].sum())
                if best is None or abs(total) > abs(best[2]):
                    best = (channel, start, total)
        chosen.append(best)
    return chosen


@pytest.mark.parametrize("seed", range(5))
def test_strongest_stretches_equal_those_of_a_slow_search(seed):
    values = np.random.default_rng(seed).normal(size=(3, 60))
    for found, (channel, start, total) in zip(
        w.strongest_stretches(values, 7, 4), slow_stretches(values, 7, 4), strict=True
    ):
        assert (found.channel, found.start, found.end) == (channel, start, start + 7)
        assert found.contribution == pytest.approx(total)


def test_silence_has_no_strongest_stretch():
    assert w.strongest_stretches(np.zeros((2, 30)), 5) == []
    assert len(w.strongest_stretches(np.ones((1, 3)), 5)) == 1


def test_evidence_of_the_rhythm_adds_up_to_the_odds_of_s_against_n(found):
    _, spec, net, analysis = found
    beats = analysis.prediction
    for beat in range(0, len(beats), 3):
        rows = w.rhythm_evidence(net, spec, analysis.prepared, beats, beat)
        n, s = beats.probabilities[beat, :2]
        assert sum(row.contribution for row in rows) == pytest.approx(np.log(s / n), abs=1e-3)
