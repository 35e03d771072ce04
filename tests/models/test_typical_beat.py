"""Likeness to the typical beat, against a slow correlation and on made beats."""

import numpy as np
import pytest

from models.typical_beat import HALF_WIDTH, QUIET, likeness, local_likeness, typical_beat

RATE = 120.0


def beat(width: float, sign: float = 1.0) -> np.ndarray:
    seconds = np.arange(-60, 61) / RATE
    return sign * np.exp(-0.5 * (seconds / width) ** 2) - 0.3 * np.exp(
        -0.5 * ((seconds - 2 * width) / width) ** 2
    )


def lead_of(widths: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Beats 1 s apart, with a little noise; places of their middles."""
    places = 120 * (1 + np.arange(len(widths)))
    lead = 0.01 * np.random.default_rng(0).standard_normal(places[-1] + 200)
    for place, width in zip(places, widths, strict=True):
        lead[place - 60 : place + 61] += beat(width)
    return lead.astype(np.float32), places


def test_typical_beats_are_alike_and_an_odd_one_is_not():
    widths = [0.02] * 30
    widths[11] = widths[20] = 0.09
    lead, places = lead_of(widths)
    found = np.array([likeness(lead, RATE)[p - 6 : p + 7].max() for p in places])
    odd = np.isin(np.arange(30), (11, 20))
    assert found[~odd].min() > 0.9
    assert found[odd].max() < 0.75


def test_likeness_ignores_gain_and_the_sign_of_the_whole_lead():
    lead, _ = lead_of([0.02] * 20)
    np.testing.assert_allclose(likeness(7 * lead, RATE), likeness(lead, RATE), atol=1e-4)
    np.testing.assert_allclose(likeness(-lead, RATE), likeness(lead, RATE), atol=1e-4)


def test_likeness_equals_a_slow_correlation():
    lead, _ = lead_of([0.02, 0.03, 0.02, 0.02, 0.05, 0.02])
    template = typical_beat(lead, RATE)
    template = template - template.mean()
    size, half = np.linalg.norm(template), int(HALF_WIDTH * RATE)
    for at in range(half, len(lead) - half, 17):
        part = lead[at - half : at + half + 1].astype(float)
        loud = max(np.linalg.norm(part - part.mean()), QUIET * size)
        assert likeness(lead, RATE)[at] == pytest.approx(part @ template / size / loud, abs=1e-4)


def test_blocks_equal_the_whole(monkeypatch):
    lead, _ = lead_of([0.02, 0.03] * 20)
    whole = likeness(lead, RATE)
    monkeypatch.setattr("models.typical_beat.BLOCK", 700)
    np.testing.assert_allclose(likeness(lead, RATE), whole, atol=1e-5)


@pytest.mark.parametrize("lead", [np.zeros(5000), np.zeros(3), np.ones(1), np.ones(400)])
def test_a_lead_without_beats_is_like_nothing(lead):
    found = likeness(lead.astype(np.float32), RATE)
    assert found.shape == lead.shape
    assert not found.any()


def test_the_majority_is_typical_also_when_the_odd_beats_are_many():
    random = np.random.default_rng(2)
    widths = [0.02 if random.random() < 0.6 else 0.09 for _ in range(200)]
    lead, places = lead_of(widths)
    found = np.array([likeness(lead, RATE)[p - 6 : p + 7].max() for p in places])
    assert np.median(found[np.array(widths) == 0.02]) > 0.9
    assert np.median(found[np.array(widths) == 0.09]) < 0.75


def test_a_stretch_of_other_beats_is_usual_there_but_not_in_the_whole():
    widths = [0.02] * 128 + [0.09] * 32 + [0.02] * 100
    lead, places = lead_of(widths)
    other = places[132:156]
    whole, near = likeness(lead, RATE), local_likeness(lead, RATE)
    assert len(near) == len(lead)
    usual = np.median([near[p - 30 : p + 31].max() for p in other])
    assert usual > np.median([whole[p - 30 : p + 31].max() for p in other]) + 0.25
