"""The computed ECG obeys the published model, the laws of leads, and what its beats are called."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from wfdb.processing import XQRS

from dashboard.data.synthetic import (
    ATRIAL,
    INTERVAL,
    LEADS,
    NORMAL,
    VENTRICULAR,
    dipole_of,
    rhythm,
    synthetic_ecg,
)

LEAD_TWO = np.array((0.235, 1.066, -0.132))  # Dower's row of lead II


@pytest.fixture(scope="module")
def ecg():
    return synthetic_ecg()


def one_beat(beat, rate=1000.0):
    """Times (s, the R peak at 0) and the dipole (3, T) of one beat without noise."""
    time = np.arange(-0.5, 0.9, 1 / rate)
    return time, dipole_of(time, np.array([0.0]), (beat,))


def symbols_of(sample):
    return np.array(sample.annotations[0].symbols)


def test_twelve_leads_in_millivolts_with_the_marks_of_their_beats(ecg):
    assert ecg.channels == LEADS
    assert set(ecg.units) == {"mV"}
    assert (ecg.dim, ecg.modality, ecg.sampling_rate, ecg.shape) == (1, "ecg", 500.0, (30_000,))
    counts = {symbol: int((symbols_of(ecg) == symbol).sum()) for symbol in "NAV"}
    assert counts["N"] > 50
    assert counts["A"] >= 4
    assert counts["V"] >= 4
    assert sum(counts.values()) == len(ecg.annotations[0])


def test_a_seed_gives_one_record_and_another_seed_another(ecg):
    assert synthetic_ecg().digest == ecg.digest
    assert synthetic_ecg(seed=8).digest != ecg.digest


@pytest.mark.parametrize(("rate", "seconds"), [(128.0, 20.0), (360.0, 90.0)])
def test_other_rates_and_lengths_work(rate, seconds):
    sample = synthetic_ecg(seconds, rate)
    assert sample.shape == (round(rate * seconds),)
    assert np.diff(sample.annotations[0].positions).min() > 0.3 * rate


def test_limb_leads_obey_einthoven_and_goldberger(ecg):
    one, two, three, right, left, foot = ecg.array[:6].astype(np.float64)
    # values lie on a grid of 1 uV: only float32 itself rounds
    np.testing.assert_allclose(three, two - one, atol=1e-6)
    np.testing.assert_allclose(right, -(one + two) / 2, atol=1e-6)
    np.testing.assert_allclose(left, (one - three) / 2, atol=1e-6)
    np.testing.assert_allclose(foot, (two + three) / 2, atol=1e-6)


@pytest.mark.parametrize("beat", [NORMAL, ATRIAL, VENTRICULAR], ids=["N", "A", "V"])
def test_bumps_solve_the_differential_equation_of_the_paper(beat):
    """Oracle: McSharry's equation integrated numerically, without its pull to the baseline.

    dz/dt = -sum a dtheta w / b^2 exp(-dtheta^2 / 2 b^2), at 60 beats per minute: w = 2 pi.
    """
    time = np.arange(-0.5, 0.9, 0.01)
    found = dipole_of(time, np.array([0.0]), (beat,))
    stretch = np.sqrt(INTERVAL)  # a first beat comes after a usual interval
    for component, bumps in enumerate(beat.components):
        phase, height, width = (np.array(v) for v in (bumps.phase, bumps.height, bumps.width))
        slow = np.where(phase > 0.6, stretch, 1.0)

        def slope(t, z, phase=phase, height=height, width=width, slow=slow):
            omega = 2 * np.pi / slow
            delta = omega * t - phase
            return -(height * delta * omega / width**2 * np.exp(-(delta**2) / (2 * width**2))).sum()

        start = found[component, 0]
        solved = solve_ivp(slope, (-0.5, 0.9), [start], t_eval=time[:-1], rtol=1e-8, max_step=2e-3)
        np.testing.assert_allclose(solved.y[0], found[component, :-1], atol=1e-4)


def qrs_seconds(beat) -> float:
    """How long the dipole changes faster than a tenth of its fastest change around the R peak."""
    time, dipole = one_beat(beat)
    speed = np.linalg.norm(np.gradient(dipole, axis=1), axis=0)
    near = np.abs(time) < 0.14
    fast = time[near & (speed > 0.1 * speed[near].max())]
    return fast.max() - fast.min()


def test_ventricular_beats_are_wide_and_the_others_narrow():
    assert 0.06 < qrs_seconds(NORMAL) < 0.12
    assert qrs_seconds(ATRIAL) == pytest.approx(qrs_seconds(NORMAL), abs=0.03)
    assert 0.12 < qrs_seconds(VENTRICULAR) < 0.2


def test_p_waves_are_upright_inverted_and_absent():
    heights = {}
    for beat in (NORMAL, ATRIAL, VENTRICULAR):
        time, dipole = one_beat(beat)
        before = (LEAD_TWO @ dipole)[(time > -0.25) & (time < -0.1)]
        heights[beat.symbol] = before[np.abs(before).argmax()]
    assert 0.05 < heights["N"] < 0.25
    assert -0.25 < heights["A"] < -0.05
    assert abs(heights["V"]) < 0.05


def test_t_goes_with_a_normal_qrs_and_against_a_ventricular_one():
    for beat, sign in ((NORMAL, 1), (VENTRICULAR, -1)):
        time, dipole = one_beat(beat)
        two = LEAD_TWO @ dipole
        wave = two[(time > 0.2) & (time < 0.4)]
        assert sign * wave[np.abs(wave).argmax()] > 0.1
        assert two[np.abs(time) < 0.03].max() > 0.7


def test_amplitudes_are_those_of_a_healthy_person(ecg):
    normal = ecg.annotations[0].positions[symbols_of(ecg) == "N"]
    around = np.stack([ecg.array[:, p - 40 : p + 40] for p in normal])  # (beats, leads, 160 ms)
    peaks = dict(zip(LEADS, np.median(around.max(axis=2), axis=0), strict=True))
    dips = dict(zip(LEADS, np.median(around.min(axis=2), axis=0), strict=True))
    assert 0.8 < peaks["II"] < 1.5
    assert dips["aVR"] < -0.6
    assert dips["V1"] < -0.5
    assert peaks["V1"] < peaks["V2"] < peaks["V4"]  # R grows across the chest
    assert all(peak < 2.6 for peak in peaks.values())


def test_early_beats_come_early_and_only_the_ventricular_pause_is_compensatory():
    times, beats = rhythm(300.0, np.random.default_rng(1))
    intervals = np.diff(times)
    kinds = [beat.symbol for beat in beats]
    for place in range(2, len(beats) - 2):
        usual = np.median(intervals[max(place - 6, 0) : place + 6])
        around = (intervals[place - 1] + intervals[place]) / usual
        if kinds[place] == "V":
            assert intervals[place - 1] < 0.75 * usual
            assert 1.85 < around < 2.15
        if kinds[place] == "A":
            assert intervals[place - 1] < 0.75 * usual
            assert around < 1.9


def test_sinus_rhythm_breathes():
    times, beats = rhythm(300.0, np.random.default_rng(3))
    normal = np.array([b is NORMAL for b in beats])
    plain = normal[:-2] & normal[1:-1] & normal[2:]
    at, interval = times[1:-1][plain], np.diff(times)[:-1][plain]
    power = [
        abs(np.sum((interval - interval.mean()) * np.exp(-2j * np.pi * f * at)))
        for f in np.arange(0.05, 0.5, 0.01)
    ]
    assert np.arange(0.05, 0.5, 0.01)[np.argmax(power)] == pytest.approx(0.25, abs=0.02)
    assert 0.7 < interval.mean() < 1.0


def test_marks_lie_on_the_peaks_that_an_independent_detector_finds(ecg):
    detector = XQRS(sig=ecg.array[1].astype(float), fs=500)
    detector.detect(verbose=False)
    marks = ecg.annotations[0].positions
    gaps = np.abs(marks[:, None] - detector.qrs_inds[None]).min(axis=1) / 500
    assert (gaps < 0.05).mean() > 0.97
    for position, symbol in zip(marks, symbols_of(ecg), strict=True):
        around = np.abs(ecg.array[1, position - 25 : position + 25])
        # noise moves the top of a wide, flat peak further than that of a narrow one
        assert abs(int(around.argmax()) - 25) <= (10 if symbol == "V" else 3)


def test_noise_is_there_and_small(ecg):
    """Between T and P of usual beats: tens of microvolts, as of a good recording."""
    positions = ecg.annotations[0].positions[1:-1]
    quiet = [ecg.array[1, p - 140 : p - 110] for p in positions]
    spread = np.median([np.std(part - part.mean()) for part in quiet])
    assert 0.003 < spread < 0.05
