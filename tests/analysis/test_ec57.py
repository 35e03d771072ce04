"""EC57 scoring against wfdb, against a slow obvious matcher, and against hand counts."""

import json

import numpy as np
import pytest
from wfdb.processing import compare_annotations

from dashboard.analysis import ec57

CASES = range(40)


def slow_match(reference: np.ndarray, found: np.ndarray, window: float) -> np.ndarray:
    """Pick the nearest free pair of the whole table again and again, the first one on a tie."""
    distance = np.abs(np.subtract.outer(reference.astype(float), found.astype(float)))
    distance[distance > window] = np.inf
    partner = np.full(len(reference), -1)
    while distance.size and np.isfinite(distance).any():
        row, column = np.unravel_index(np.argmin(distance), distance.shape)
        partner[row] = column
        distance[row, :] = np.inf
        distance[:, column] = np.inf
    return partner


def crowded(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Reference and detections far denser than any heart: many pairs compete."""
    random = np.random.default_rng(seed)
    return tuple(np.sort(random.integers(0, 4000, random.integers(0, 90))) for _ in range(2))


def heart_like(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Beats at least 110 samples apart; some missed, some moved, some extra ones between them."""
    random = np.random.default_rng(seed)
    reference = np.cumsum(random.integers(110, 400, 120))
    kept = reference[random.random(120) > 0.1]
    moved = kept + random.integers(-70, 71, len(kept)) * (random.random(len(kept)) < 0.3)
    extra = random.integers(0, reference[-1], 12)
    found = np.sort(np.concatenate([moved, extra]))
    return reference, found[np.concatenate([[True], np.diff(found) > 108])]


@pytest.mark.parametrize("seed", CASES)
def test_matching_equals_the_slow_obvious_matcher(seed):
    reference, found = crowded(seed)
    np.testing.assert_array_equal(
        ec57.match(reference, found, 54), slow_match(reference, found, 54)
    )


@pytest.mark.parametrize("seed", CASES)
def test_matching_counts_equal_those_of_wfdb(seed):
    reference, found = heart_like(seed)
    theirs = compare_annotations(reference, found, 55)  # wfdb excludes the window's own edge
    ours = ec57.match(reference, found, 54)
    assert (ours >= 0).sum() == theirs.tp
    np.testing.assert_array_equal(ours, theirs.matching_sample_nums)


@pytest.mark.parametrize("seed", CASES)
def test_matching_is_one_to_one_within_the_window(seed):
    reference, found = crowded(seed)
    partner = ec57.match(reference, found, 54)
    used = partner[partner >= 0]
    assert len(set(used.tolist())) == len(used)
    assert (np.abs(found[used] - reference[partner >= 0]) <= 54).all()


def test_beat_exactly_at_the_window_matches_and_one_further_does_not():
    assert ec57.match(np.array([100]), np.array([154]), 54).tolist() == [0]
    assert ec57.match(np.array([100]), np.array([155]), 54).tolist() == [-1]


def test_scores_of_a_case_counted_by_hand():
    # At 100 Hz the window is 15 samples. N right, V called N, S missed, F right; one extra V.
    reference = (np.array([100, 200, 300, 400]), np.array([0, 2, 1, 3]))
    found = (np.array([102, 205, 330, 410]), np.array([0, 0, 2, 3]))
    scores = ec57.score(reference, found, rate=100.0)
    expected = np.zeros((6, 6), dtype=int)
    expected[0, 0] = expected[2, 0] = expected[1, 5] = expected[3, 3] = expected[5, 2] = 1
    np.testing.assert_array_equal(scores.confusion, expected)
    assert scores.detection == {"se": 3 / 4, "ppv": 3 / 4}
    assert scores.classes["N"] == {"se": 1.0, "ppv": 0.5, "f1": 2 / 3, "support": 1}
    assert scores.classes["V"] == {"se": 0.0, "ppv": 0.0, "f1": 0.0, "support": 1}
    assert scores.classes["S"] == {"se": 0.0, "ppv": None, "f1": 0.0, "support": 1}
    assert scores.classes["Q"] == {"se": None, "ppv": None, "f1": None, "support": 0}
    assert scores.accuracy == 2 / 5
    assert scores.macro_f1_nsvf == pytest.approx((2 / 3 + 0 + 0 + 1) / 4)


def test_nothing_is_scored_inside_flutter():
    flutter = np.array([[150.0, 350.0]])
    reference = (np.array([100, 200, 300, 400]), np.array([0, 2, 2, 0]))
    found = (np.array([100, 240, 302, 400]), np.array([0, 2, 0, 0]))
    scores = ec57.score(reference, found, rate=100.0, flutter=flutter)
    assert scores.confusion.sum() == 2
    assert scores.confusion[0, 0] == 2
    assert scores.flutter_seconds == 2.0


def test_beat_beside_flutter_may_match_a_detection_just_inside():
    scores = ec57.score(
        (np.array([145]), np.array([2])),
        (np.array([152]), np.array([2])),
        rate=100.0,
        flutter=np.array([[150.0, 350.0]]),
    )
    assert scores.confusion[2, 2] == 1
    assert scores.confusion.sum() == 1


def test_pooled_scores_add_beats_not_rates():
    one = ec57.score((np.array([10]), np.array([0])), (np.array([10]), np.array([0])), 100.0)
    other = ec57.score((np.arange(3) * 100, np.zeros(3, int)), (np.array([]), np.array([])), 100.0)
    assert (one + other).detection == {"se": 1 / 4, "ppv": 1.0}


def test_empty_reference_and_empty_answer_give_no_rates():
    scores = ec57.score((np.array([]), np.array([])), (np.array([]), np.array([])), 360.0)
    assert scores.detection == {"se": None, "ppv": None}
    assert scores.macro_f1_nsvf is None
    assert scores.accuracy is None


def test_symbols_become_aami_classes_and_other_marks_are_no_beats():
    symbols = list("NLRejAaJSVEF/fQ+~|x![]")
    positions, labels = ec57.aami_beats(np.arange(len(symbols)), symbols)
    assert "".join(ec57.AAMI[k] for k in labels) == "NNNNNSSSSVVFQQQ"
    assert positions.tolist() == list(range(15))


def test_flutter_that_is_not_closed_lasts_to_the_end():
    episodes = ec57.flutter_episodes(np.array([5, 9, 20]), ["[", "]", "["], length=100)
    assert episodes.tolist() == [[5, 9], [20, 100]]


def test_metrics_are_plain_numbers_that_json_takes():
    metrics = ec57.NOTHING.as_metrics()
    assert json.loads(json.dumps(metrics))["confusion"] == [[0] * 6] * 6


@pytest.mark.parametrize("seed", CASES)
def test_detection_numbers_of_a_report_equal_those_of_wfdb(seed):
    reference, found = heart_like(seed)
    labels = [np.random.default_rng(seed).integers(0, 5, len(p)) for p in (reference, found)]
    theirs = compare_annotations(reference, found, 55)
    outcomes = ec57.outcomes((reference, labels[0]), (found, labels[1]), rate=360.0)
    counts = outcomes.scores.confusion
    assert counts[:5, :5].sum() == outcomes.paired.sum() == theirs.tp
    assert counts[:, 5].sum() == theirs.fn
    assert counts[5].sum() == theirs.fp
    assert outcomes.scores.detection == pytest.approx(
        {"se": theirs.sensitivity, "ppv": theirs.positive_predictivity}
    )


@pytest.mark.parametrize("seed", CASES)
def test_outcomes_say_of_every_beat_what_the_slow_matcher_says(seed):
    reference, found = crowded(seed)
    truth, named = (np.random.default_rng(seed).integers(0, 5, len(p)) for p in (reference, found))
    outcomes = ec57.outcomes((reference, truth), (found, named), rate=360.0)
    partner = slow_match(reference, found, 54)
    expected = []
    for k, other in enumerate(partner):
        answer = (named[other], found[other], other) if other >= 0 else (5, None, -1)
        expected.append((reference[k], truth[k], *answer))
    for k in set(range(len(found))) - set(partner.tolist()):
        expected.append((found[k], 5, named[k], found[k], k))
    places = [None if np.isnan(f) else f for f in outcomes.found]
    seen = zip(
        outcomes.places, outcomes.rows, outcomes.columns, places, outcomes.index, strict=True
    )
    assert sorted(map(repr, ([float(v) if v is not None else v for v in row] for row in seen))) == (
        sorted(map(repr, ([float(v) if v is not None else v for v in row] for row in expected)))
    )
    assert (np.diff(outcomes.places) >= 0).all()


def test_offsets_are_of_paired_beats_only_and_in_milliseconds():
    reference = (np.array([100, 200, 300]), np.array([0, 0, 2]))
    found = (np.array([102, 299, 350]), np.array([0, 0, 0]))
    outcomes = ec57.outcomes(reference, found, rate=100.0)
    assert outcomes.offsets(100.0).tolist() == [20.0, -10.0]


def test_rates_of_many_confusions_equal_those_of_each():
    confusions = np.random.default_rng(0).integers(0, 5, (30, 6, 6)) * (
        np.random.default_rng(1).random((30, 6, 6)) < 0.4
    )
    together = ec57.rates(confusions)
    for k, confusion in enumerate(confusions):
        right = [confusion[c, c] for c in range(5)]
        for c in range(5):
            row, column = confusion[c].sum(), confusion[:, c].sum()
            assert together.se[k, c] == pytest.approx(
                right[c] / row if row else np.nan, nan_ok=True
            )
            f1 = 2 * right[c] / (row + column) if row + column else np.nan
            assert together.f1[k, c] == pytest.approx(f1, nan_ok=True)
        assert together.accuracy[k] == pytest.approx(sum(right) / confusion.sum())
