"""Decoding a beat grid: cells made by hand, suppression against a slow oracle."""

import numpy as np
import pytest
import torch

from models.beat_rhythm import rhythm_features
from models.decode.beats import best_apart, cell_probabilities, decode, odd_by_shape, with_rhythm
from models.nets.beat_grid import SPECS, RhythmHead
from models.records import AAMI, Beats

SPEC = SPECS[0]
STRIDE = SPEC.decoder["stride"]


def grid(cells: int, beats: dict[int, tuple[float, float, int]]) -> np.ndarray:
    """Logits (1, 6, cells): per cell of a beat its score logit, offset in 0..1 and shape."""
    output = np.full((1, 6, cells), -8.0, dtype=np.float32)
    for cell, (score, offset, label) in beats.items():
        output[0, 0, cell] = score
        output[0, 1, cell] = np.log(offset / (1 - offset))
        output[0, 2 + label, cell] = 4.0
    return output


def slow_apart(places: np.ndarray, scores: np.ndarray, distance: float) -> np.ndarray:
    """Take the best of what is left, drop all that is nearer than `distance`, again and again."""
    left, keep = set(range(len(places))), np.zeros(len(places), dtype=bool)
    while left:
        best = max(left, key=lambda i: (scores[i], -i))
        keep[best] = True
        left = {i for i in left if abs(places[i] - places[best]) >= distance}
    return keep


@pytest.mark.parametrize("seed", range(30))
def test_suppression_equals_a_slow_greedy_one(seed):
    random = np.random.default_rng(seed)
    places = np.sort(random.uniform(0, 1500, random.integers(0, 80)))
    scores = random.integers(0, 12, len(places)).astype(float)  # many ties
    np.testing.assert_array_equal(
        best_apart(places, scores, 24.0), slow_apart(places, scores, 24.0)
    )


def test_beats_lie_at_cell_plus_offset_and_carry_their_shape():
    beats = decode(grid(64, {5: (3.0, 0.25, 1), 20: (6.0, 0.75, 0)}), SPEC, 512)
    np.testing.assert_allclose(beats.positions, [STRIDE * 5.25, STRIDE * 20.75], atol=1e-4)
    assert beats.symbols == ["V", "N"]
    np.testing.assert_allclose(beats.scores, 1 / (1 + np.exp([-3.0, -6.0])), atol=1e-6)
    np.testing.assert_allclose(beats.probabilities.sum(axis=1), 1.0, atol=1e-6)
    assert beats.probabilities.shape == (2, 5)


def test_a_network_with_a_logit_for_every_class_needs_no_rhythm():
    cells = np.full((1, 7, 8), -8.0, np.float32)
    cells[0, [0, 3], 4] = 5.0, 4.0
    beats = decode(cells, SPEC, 64)
    assert beats.symbols == ["S"]
    chances = cell_probabilities(cells[0], STRIDE * (np.arange(8) + 0.5), beats)
    assert chances[:, 4].argmax() == 1


def test_of_two_cells_that_claim_one_beat_the_surer_one_stays():
    beats = decode(grid(64, {10: (2.0, 0.95, 0), 11: (4.0, 0.05, 0)}), SPEC, 512)
    np.testing.assert_allclose(beats.positions, [STRIDE * 11.05], atol=1e-4)


def test_beats_in_the_padding_are_dropped():
    output = grid(64, {10: (5.0, 0.5, 0), 62: (5.0, 0.5, 0)})
    assert len(decode(output, SPEC, 62 * 8)) == 1
    assert len(decode(output, SPEC, 64 * 8)) == 2


def test_silence_gives_no_beats_of_the_right_shapes():
    beats = decode(grid(64, {}), SPEC, 512)
    assert len(beats) == 0
    assert beats.probabilities.shape == (0, 5)
    assert beats.symbols == []


def test_tensor_and_array_decode_alike():
    output = grid(64, {5: (3.0, 0.25, 1), 20: (6.0, 0.75, 0)})
    one, other = decode(output, SPEC, 512), decode(torch.from_numpy(output), SPEC, 512)
    np.testing.assert_array_equal(one.positions, other.positions)
    np.testing.assert_array_equal(one.probabilities, other.probabilities)


def beats_at(places: np.ndarray, odd: set[int]) -> Beats:
    """Sure beats of shape N, those in `odd` of shape V."""
    labels = np.array([2 if i in odd else 0 for i in range(len(places))])
    return Beats(AAMI, places, labels, np.ones(len(places)), np.eye(5)[labels])


def test_rhythm_follows_bayes_rule_beat_by_beat():
    random = np.random.default_rng(0)
    places = np.cumsum(random.integers(60, 130, 40)).astype(float)
    lead = random.normal(size=6000).astype(np.float32)
    shapes = random.dirichlet(np.ones(5), 40)
    shapes[:, 1] = 0
    shapes /= shapes.sum(axis=1, keepdims=True)
    beats = Beats(AAMI, places, shapes.argmax(axis=1), np.ones(40), shapes)
    head = RhythmHead(4)
    head.weight[0], head.weight[3], head.bias[0] = -8.0, 1.0, -0.5
    features = rhythm_features(lead, 120.0, places, beats.labels == 2)
    named = with_rhythm(beats, lead, 120.0, head)
    for beat in range(40):
        early = 1 / (1 + np.exp(8 * features[beat, 0] - features[beat, 3] + 0.5))
        n, _, v, f, q = shapes[beat]
        joint = np.array([n * (1 - early), n * early, v * (1 - early + 10 * early), f, q])
        np.testing.assert_allclose(named.probabilities[beat], joint / joint.sum(), rtol=1e-5)
    np.testing.assert_array_equal(named.labels, named.probabilities.argmax(axis=1))
    np.testing.assert_array_equal(odd_by_shape(named), beats.labels == 2)
    assert (named.labels == 2).sum() > (beats.labels == 2).sum()  # some became V by being early


def test_an_untrained_rhythm_head_leaves_even_odds():
    named = with_rhythm(
        beats_at(np.array([100.0, 220.0]), set()), np.ones(400), 120.0, RhythmHead(4)
    )
    np.testing.assert_allclose(named.probabilities[:, :2], 0.5)


def test_cells_share_out_n_and_s_as_the_nearest_beat_does():
    cells = grid(64, {5: (30.0, 0.5, 0), 20: (30.0, 0.5, 1), 40: (30.0, 0.5, 0)})[0]
    beats = beats_at(np.array([44.0, 164.0, 324.0]), {1})
    probabilities = beats.probabilities.copy()
    probabilities[2, :2] = 0.25, 0.75
    beats = Beats(beats.names, beats.positions, beats.labels, beats.scores, probabilities)
    chances = cell_probabilities(cells, STRIDE * (np.arange(64) + 0.5), beats)
    np.testing.assert_allclose(chances[:, 5], [1, 0, 0, 0, 0], atol=1e-4)
    np.testing.assert_allclose(chances[:, 20], [0, 0, 1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(chances[:, 40], [0.25, 0.75, 0, 0, 0], atol=1e-4)
    alone = cell_probabilities(cells, STRIDE * (np.arange(64) + 0.5), beats.only(np.zeros(3, bool)))
    np.testing.assert_allclose(alone[:, 40], [1, 0, 0, 0, 0], atol=1e-4)
