"""Filters for the eye: what they take, what they leave, and that nothing moves."""

import numpy as np
import pytest
from scipy import signal

from dashboard.analysis.signal_filters import MARGIN_SECONDS, Filters, filtered
from dashboard.data.synthetic import synthetic_ecg

RATE = 500.0
TIME = np.arange(int(60 * RATE)) / RATE
ALL = Filters(baseline=True, mains=50, low_pass=40)


def share_left(frequency, filters):
    """Amplitude of a sine after the filters, of 1 before; the ends left out."""
    wave = np.sin(2 * np.pi * frequency * TIME)
    inner = slice(int(10 * RATE), int(50 * RATE))
    return np.abs(filtered(wave[None], RATE, filters)[0, inner]).max()


@pytest.mark.parametrize(
    ("frequency", "filters", "low", "high"),
    [
        (0.1, Filters(baseline=True), 0.0, 0.01),
        (5.0, Filters(baseline=True), 0.99, 1.01),
        (50.0, Filters(mains=50), 0.0, 0.01),
        (45.0, Filters(mains=50), 0.95, 1.01),
        (60.0, Filters(mains=60), 0.0, 0.01),
        (10.0, Filters(low_pass=40), 0.99, 1.01),
        (80.0, Filters(low_pass=40), 0.0, 0.01),
        (100.0, Filters(low_pass=150), 0.9, 1.01),
    ],
)
def test_what_is_named_goes_and_the_rest_stays(frequency, filters, low, high):
    assert low <= share_left(frequency, filters) <= high


def test_one_cascade_equals_one_filter_after_the_other_in_scipy():
    values = np.random.default_rng(0).normal(size=(2, 5_000))
    slow = values
    for design in (
        signal.butter(2, 0.5, "highpass", fs=RATE, output="sos"),
        signal.tf2sos(*signal.iirnotch(50, 30, fs=RATE)),
        signal.butter(4, 40, fs=RATE, output="sos"),
    ):
        slow = signal.sosfiltfilt(design, slow, axis=-1, padlen=3_000)
    inner = slice(1_500, 3_500)  # the ends are extended before each filter there, once here
    np.testing.assert_allclose(filtered(values, RATE, ALL)[:, inner], slow[:, inner], atol=2e-3)


def test_no_peak_moves():
    peak = np.exp(-0.5 * ((TIME - 30) / 0.02) ** 2)
    assert filtered(peak[None], RATE, ALL)[0].argmax() == peak.argmax()


def test_a_window_with_its_margin_is_as_good_as_the_whole_record():
    sample = synthetic_ecg()
    values = sample.array[:2] + 0.3 * np.sin(2 * np.pi * 0.15 * TIME).astype(np.float32)
    whole = filtered(values, RATE, ALL)
    margin = int(MARGIN_SECONDS * RATE)
    for start in (0, 10_000, 20_000):
        first, last = max(0, start - margin), min(len(TIME), start + 5_000 + margin)
        part = filtered(values[:, first:last], RATE, ALL)[:, start - first :][:, :5_000]
        # 20 microvolts are a fifth of a mm on paper
        np.testing.assert_allclose(part, whole[:, start : start + 5_000], atol=0.02)


def test_gaps_stay_gaps_and_do_not_ring():
    values = 0.5 + 0 * TIME
    values[10_000:12_000] = np.nan
    out = filtered(values[None], RATE, Filters(low_pass=40))[0]
    assert np.isnan(out[10_000:12_000]).all()
    np.testing.assert_allclose(out[~np.isnan(values)], 0.5, atol=1e-3)
    assert np.isnan(filtered(np.full((1, 999), np.nan), RATE, ALL)).all()


def test_frequencies_above_half_the_rate_are_left_out():
    assert Filters(True, 60, 150).possible(128.0) == Filters(True, 60, 0)
    assert Filters(True, 50, 40).possible(80.0) == Filters(True, 0, 0)
    assert not Filters()


def test_captions_name_what_is_on():
    assert ALL.words == "above 0.5 Hz, 50 Hz notch, below 40 Hz"
    assert Filters().words == ""
