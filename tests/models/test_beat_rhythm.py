"""Rhythm features against loops, and on leads whose P waves are known."""

import numpy as np
import pytest

from models.beat_rhythm import NO_P, P_WAVE, SURE_P, p_presence, rhythm_features

RATE = 120.0


def lead_with(places: np.ndarray, p_wave: float, noise: float, seed: int = 0) -> np.ndarray:
    """A lead of QRS spikes at `places`, a P wave of that height 160 ms before each, and noise."""
    random = np.random.default_rng(seed)
    lead = noise * random.normal(size=int(places[-1]) + 200)
    bump = np.exp(-0.5 * (np.arange(-8, 9) / 3.0) ** 2)
    for place in places.astype(int):
        lead[place - 2 : place + 3] += 1.0
        lead[place - 19 - 8 : place - 19 + 9] += p_wave * bump
    return lead


def irregular_places(count: int, seed: int = 0) -> np.ndarray:
    return 100 + np.cumsum(np.random.default_rng(seed).integers(60, 140, count)).astype(float)


def slow_presence(lead: np.ndarray, places: np.ndarray, odd: np.ndarray, span: int) -> np.ndarray:
    """The same share beat by beat, away from the ends of the record."""
    first, last = (int(edge * RATE) for edge in P_WAVE)
    steps = np.arange(first, last + 1)
    answer = []
    for middle in range(span // 2, len(places) - span // 2):
        rows = []
        for beat in range(middle - span // 2, middle + span // 2 + 1):
            if not odd[beat]:
                stretch = lead[int(np.rint(places[beat])) + steps]
                line = np.polyval(np.polyfit(steps, stretch, 1), steps)
                rows.append(stretch - line)
        rows = np.array(rows)
        share = (rows.mean(axis=0) ** 2).sum() / (rows**2).sum(axis=1).mean()
        share = (len(rows) * share - 1) / (len(rows) - 1)
        answer.append(min(max((share - NO_P) / (SURE_P - NO_P), 0), 1))
    return np.array(answer)


def test_presence_of_p_waves_equals_a_slow_loop():
    places = irregular_places(160)
    odd = np.random.default_rng(1).random(160) < 0.2
    lead = lead_with(places, 0.1, 0.1)
    fast = p_presence(lead, RATE, places, odd)
    slow = slow_presence(lead, places, odd, 121)
    assert 0.05 < slow.mean() < 0.95  # neither end of the ramp
    np.testing.assert_allclose(fast[60:-60], slow, atol=1e-9)


@pytest.mark.parametrize(("height", "low", "high"), [(0.3, 0.99, 1.0), (0.0, 0.0, 0.15)])
def test_p_waves_are_seen_where_there_are_some_and_not_in_noise(height, low, high):
    places = irregular_places(300)
    present = p_presence(lead_with(places, height, 0.1), RATE, places, np.zeros(300, bool))
    assert low <= np.median(present) <= high


def test_features_are_log_ratios_to_the_mean_times_presence():
    places = irregular_places(60)
    lead = lead_with(places, 0.5, 0.01)
    features = rhythm_features(lead, RATE, places, np.zeros(60, bool))
    np.testing.assert_allclose(features[:, 3], 1)
    rr = np.diff(places) / RATE
    for beat in range(10, 50):
        assert features[beat, 0] == pytest.approx(np.log(rr[beat - 1] / rr.mean()))
        assert features[beat, 1] == pytest.approx(np.log(rr[beat] / rr.mean()))
        assert features[beat, 2] == pytest.approx(
            np.log(rr[beat - 6 : beat + 5].mean() / rr.mean())
        )


def test_a_premature_beat_with_a_p_wave_stands_out_and_in_fibrillation_none_does():
    places = 100 + 100.0 * np.arange(100)
    places[50] -= 35
    for height, least, most in ((0.5, 0.35, 1.0), (0.0, 0.0, 0.1)):
        features = rhythm_features(
            lead_with(places, height, 0.1), RATE, places, np.zeros(100, bool)
        )
        assert least < -features[50, 0] + 1e-9 < most


def test_an_interval_across_a_gap_is_not_known():
    places = np.array([100.0, 200.0, 300.0, 2000.0, 2100.0])
    lead = lead_with(places, 0.5, 0.01)
    gaps = np.zeros(len(lead), bool)
    gaps[500:1500] = True
    features = rhythm_features(lead, RATE, places, np.zeros(5, bool), gaps)
    np.testing.assert_allclose(features[:, :3], 0, atol=1e-9)  # all others are alike
    assert rhythm_features(lead, RATE, places, np.zeros(5, bool))[3, 0] > 0.3


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_beats_give_finite_features(count):
    places = np.array([150.0, 260.0])[:count]
    features = rhythm_features(np.ones(400), RATE, places, np.zeros(count, bool))
    assert features.shape == (count, 4)
    assert np.isfinite(features).all()
