"""A 12-lead ECG computed from a published dynamical model, with beats whose names are known.

The heart is a rotating dipole whose three components are sums of Gaussian bumps along the beat:
McSharry, Clifford, Tarassenko, Smith, "A dynamical model for generating synthetic
electrocardiogram signals", IEEE Trans Biomed Eng 50(3):289-294, 2003; in three dimensions Sameni,
Clifford, Jutten, Shamsollahi, "Multichannel ECG and noise modeling", EURASIP J Adv Signal Process
2007:43407 (whose table for a healthy man is used here); with ectopic beats Clifford, Nemati,
Sameni, "An artificial vector model for generating abnormal electrocardiographic rhythms", Physiol
Meas 31(5):595-609, 2010.
"""

from dataclasses import dataclass
from itertools import cycle

import numpy as np
from scipy import signal

from dashboard.data.sample import Marks, Sample

RATE = 500.0  # Hz
INTERVAL = 0.84  # s between sinus beats, 71 per minute
BREATHS = 0.25  # Hz
FIRST, LAST = 0.45, 0.5  # s from the ends of the record to the first and last R peak, at least
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

# Frank's X (left), Y (down), Z (back) to leads: Dower, Machado, Osborne, "On deriving the
# electrocardiogram from vectorcardiographic leads", Clin Cardiol 3(2):87-95, 1980.
_DOWER = {
    "I": (0.632, -0.235, 0.059),
    "II": (0.235, 1.066, -0.132),
    "V1": (-0.515, 0.157, -0.917),
    "V2": (0.044, 0.164, -1.387),
    "V3": (0.882, 0.098, -1.277),
    "V4": (1.213, 0.127, -0.601),
    "V5": (1.125, 0.127, -0.086),
    "V6": (0.831, 0.076, 0.230),
}


@dataclass(frozen=True)
class Bumps:
    """Gaussian bumps of one dipole component: phase (rad, R at 0), height (mV), width (rad).

    One turn of the phase is one second of a heart at 60 beats per minute.
    """

    phase: tuple[float, ...]
    height: tuple[float, ...]
    width: tuple[float, ...]


@dataclass(frozen=True)
class Beat:
    """One kind of beat: its WFDB symbol, the bumps of X, Y, Z, and how it breaks the rhythm.

    `early` is the interval before it and `late` the interval after it, as parts of a usual one.
    """

    symbol: str
    components: tuple[Bumps, Bumps, Bumps]
    early: float = 1.0
    late: float = 1.0


# Depolarisation and recovery of a healthy heart: Sameni et al. 2007, table 1, without its P wave;
# Y raised so that R in lead II is near 1 mV, the T wave of Z lowered so that V2 and V3 stay usual.
_CHAMBERS = (
    Bumps(
        (-0.19, -0.07, 0.0, 0.06, 0.22, 1.2, 1.42, 1.68, 2.9),
        (-0.13, 0.85, 1.11, 0.75, 0.06, 0.1, 0.17, 0.39, 0.03),
        (0.0453, 0.0378, 0.0332, 0.0302, 0.0378, 0.604, 0.302, 0.1812, 0.5),
    ),
    Bumps(
        (-0.76, -0.11, -0.01, 0.065, 0.8, 1.58, 2.9),
        (-0.019, 0.42, 0.66, -0.28, 0.04, 0.12, 0.014),
        (0.04, 0.055, 0.037, 0.0604, 0.45, 0.3, 0.5),
    ),
    Bumps(
        (-0.7, -0.4, -0.15, 0.095, 1.05, 1.25, 1.55, 2.8),
        (-0.035, 0.045, -0.4, 0.46, -0.06, -0.1, -0.2, -0.035),
        (0.04, 0.4, 0.045, 0.05, 0.8, 0.4, 0.2, 0.4),
    ),
)

# From the sinus node: upright in II (the table's own P is 0.06 mV there, doubled here).
_SINUS_P = (
    Bumps((-1.09, -0.86), (0.04, 0.08), (0.0906, 0.1057)),
    Bumps((-1.08, -0.88), (0.08, 0.05), (0.09, 0.09)),
    Bumps((-1.1, -0.9), (-0.03, -0.05), (0.06, 0.12)),
)
# From a focus low in the atrium, close to the node: inverted in II, nearer to the QRS.
_LOW_P = (
    Bumps((-0.82,), (0.03,), (0.085,)),
    Bumps((-0.84,), (-0.13,), (0.09,)),
    Bumps((-0.84,), (-0.05,), (0.1,)),
)
# From the right outflow tract: wide (about 150 ms), no P, T against the QRS, like left bundle
# branch block in V1 and upright in the leads that look from below.
_OUTFLOW = (
    Bumps((-0.1, 0.07, 0.29, 1.7), (0.25, 0.65, 0.4, -0.4), (0.11, 0.12, 0.1, 0.36)),
    Bumps((0.0, 0.26, 0.85, 1.75), (1.55, 0.85, -0.15, -0.65), (0.12, 0.1, 0.3, 0.38)),
    Bumps((-0.2, 0.09, 0.29, 1.65), (-0.25, 1.1, 0.6, -0.5), (0.09, 0.13, 0.1, 0.4)),
)


def _joined(first: tuple[Bumps, ...], second: tuple[Bumps, ...]) -> tuple[Bumps, ...]:
    return tuple(
        Bumps(a.phase + b.phase, a.height + b.height, a.width + b.width)
        for a, b in zip(first, second, strict=True)
    )


NORMAL = Beat("N", _joined(_SINUS_P, _CHAMBERS))
ATRIAL = Beat("A", _joined(_LOW_P, _CHAMBERS), early=0.64, late=1.08)
# Compensatory: the interval before and after add up to two usual ones.
VENTRICULAR = Beat("V", _OUTFLOW, early=0.6, late=1.4)


def synthetic_ecg(seconds: float = 60.0, rate: float = RATE, seed: int = 7) -> Sample:
    """A 12-lead record in mV with its beats marked N, A, V at the R peaks; the same for a seed."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    times, beats = rhythm(seconds, random)
    dipole = dipole_of(time, times, beats)
    moved = _breathing(time, dipole)
    peaks = _peaks(moved, times, rate)
    array = _leads(moved, _electrode_noise(len(time), rate, random))
    marks = Marks("ref", peaks, tuple(beat.symbol for beat in beats))
    return Sample(
        array=array,
        name="synthetic 12-lead ECG",
        modality="ecg",
        channels=LEADS,
        units=("mV",) * len(LEADS),
        axis_unit="s",
        sampling_rate=rate,
        annotations=(marks,),
        source="computed by a dynamical model (McSharry 2003, Sameni 2007, Clifford 2010)",
    )


def rhythm(seconds: float, random: np.random.Generator) -> tuple[np.ndarray, tuple[Beat, ...]]:
    """Times of the R peaks (s) and their kinds: sinus rhythm that breathes, with early beats."""
    times, beats = [FIRST], [NORMAL]
    kinds = cycle((ATRIAL, VENTRICULAR))
    usual_beats = 6  # until the next early one
    while True:
        early = usual_beats == 0
        beat = next(kinds) if early else NORMAL
        part = beat.early if early else beats[-1].late
        now = times[-1] + part * _interval(times[-1], random)
        if now > seconds - LAST:
            return np.array(times), tuple(beats)
        times.append(now)
        beats.append(beat)
        usual_beats = int(random.integers(4, 9)) if early else usual_beats - 1


def _interval(now: float, random: np.random.Generator) -> float:
    """Seconds to the next sinus beat: respiration (0.25 Hz), blood pressure (0.1 Hz), chance."""
    breath = 0.035 * np.sin(2 * np.pi * BREATHS * now)
    pressure = 0.02 * np.sin(2 * np.pi * 0.1 * now)
    return INTERVAL * (1 + breath + pressure + 0.008 * random.standard_normal())


def dipole_of(time: np.ndarray, times: np.ndarray, beats: tuple[Beat, ...]) -> np.ndarray:
    """Components X, Y, Z (3, T) in mV at `time` (s): each beat's bumps around its R peak."""
    dipole = np.zeros((3, len(time)))
    intervals = np.diff(times, prepend=times[0] - INTERVAL)
    for middle, interval, beat in zip(times, intervals, beats, strict=True):
        near = slice(*np.searchsorted(time, (middle - 0.6, middle + 1.0)))
        for component, bumps in enumerate(beat.components):
            dipole[component, near] += _bumps_at(time[near] - middle, bumps, interval)
    return dipole


def _bumps_at(time: np.ndarray, bumps: Bumps, interval: float) -> np.ndarray:
    """Sum of Gaussian bumps at `time` (s from the R peak).

    McSharry et al. stretch the T wave with the square root of the interval (Bazett), and leave
    the QRS complex as it is.
    """
    phase, height, width = (np.array(row) for row in (bumps.phase, bumps.height, bumps.width))
    stretch = np.where(phase > 0.6, np.sqrt(np.clip(interval, 0.5, 1.2)), 1.0) / (2 * np.pi)
    distance = (time[:, None] - phase * stretch) / (width * stretch)  # (T, bumps)
    return (height * np.exp(-0.5 * distance**2)).sum(axis=1)


def _breathing(time: np.ndarray, dipole: np.ndarray) -> np.ndarray:
    """The dipole swaying with respiration: turned by up to 3 degrees, scaled by up to 3 %."""
    breath = np.sin(2 * np.pi * BREATHS * time)
    angle = np.deg2rad(3) * breath
    x, y, z = dipole * (1 + 0.03 * breath)
    return np.stack(
        [x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle), z]
    )


def _peaks(dipole: np.ndarray, times: np.ndarray, rate: float) -> np.ndarray:
    """Sample index of the largest deflection of lead II within 50 ms of each beat."""
    lead = np.abs(np.array(_DOWER["II"]) @ dipole)
    reach = round(0.05 * rate)
    starts = np.maximum(np.rint(times * rate).astype(np.int64) - reach, 0)
    return np.array([start + lead[start : start + 2 * reach].argmax() for start in starts])


def _electrode_noise(length: int, rate: float, random: np.random.Generator) -> np.ndarray:
    """Noise of the nine electrodes RA, LA, LL, V1..V6 (9, T) in mV: drift, muscle, mains.

    Made at the electrodes, not in the leads, so that III = II - I holds of the noise too.
    """
    time = np.arange(length) / rate
    drift = signal.sosfiltfilt(
        signal.butter(2, 0.25, fs=rate, output="sos"), random.standard_normal((9, length))
    )
    drift *= 0.04 / drift.std()
    breath = 0.03 * random.standard_normal((9, 1)) * np.sin(2 * np.pi * BREATHS * time + 0.6)
    band = signal.butter(2, (15, min(120, 0.45 * rate)), "bandpass", fs=rate, output="sos")
    muscle = signal.sosfilt(band, random.standard_normal((9, length)))
    muscle *= 0.007 / muscle.std()
    mains = 0.002 * random.standard_normal((9, 1)) * np.sin(2 * np.pi * 50 * time)
    return drift + breath + muscle + mains


def _leads(dipole: np.ndarray, electrodes: np.ndarray) -> np.ndarray:
    """Twelve leads (12, T) float32 in mV, on a grid of 1 uV so that files hold them exactly.

    I and II lie on a grid of 2 uV, so that the augmented leads, which halve them, do not round.
    """
    right, left, foot = electrodes[:3]
    one = 2 * np.rint(500 * (np.array(_DOWER["I"]) @ dipole + left - right)).astype(np.int64)
    two = 2 * np.rint(500 * (np.array(_DOWER["II"]) @ dipole + foot - right)).astype(np.int64)
    limbs = [one, two, two - one, -(one + two) // 2, one - two // 2, two - one // 2]
    centre = electrodes[:3].mean(axis=0)
    chest = [
        np.rint(1000 * (np.array(_DOWER[name]) @ dipole + noise - centre)).astype(np.int64)
        for name, noise in zip(LEADS[6:], electrodes[3:], strict=True)
    ]
    return (np.stack(limbs + chest) / 1000).astype(np.float32)
