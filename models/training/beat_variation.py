"""Variations of an ECG window that leave its beats what they are: speed, gain, shape, noise."""

import numpy as np

from models.typical_beat import correlation, local_likeness

SYSTOLE = 0.26  # s after a beat that keep their length when the pauses are drawn anew
BEFORE = 0.1  # s before a beat that do
SHORTEST_PAUSE = 0.04  # s
REACH = 12  # fed samples that a random filter reaches to either side
BETWEEN = 32  # zeros between a lead and its typical beat: more than any filter reaches


def time_path(length: int, rate: float, generator: np.random.Generator) -> np.ndarray:
    """Where the samples of a window are read, in samples from its start: (length,) rising from 0.

    Most windows are played faster or slower, half of these with a slow swing of the speed as
    breathing gives it, too weak to turn a normal interval into a premature one.
    """
    if generator.random() < 0.25:
        return np.arange(length, dtype=float)
    speed = np.exp(generator.uniform(-0.25, 0.25))
    steps = np.full(length, speed)
    if generator.random() < 0.5:
        phase = 2 * np.pi * (generator.uniform(0.1, 0.35) * np.arange(length) / rate)
        depth = generator.uniform(0, 0.05)
        steps *= 1 + depth * np.sin(phase + generator.uniform(0, 2 * np.pi))
    path = np.cumsum(steps)
    return path - path[0]


def irregular_path(
    path: np.ndarray, beats: np.ndarray, rate: float, generator: np.random.Generator
) -> np.ndarray:
    """`path` with every pause between two beats drawn anew, as atrial fibrillation does.

    `beats` (B,) sorted places in the record. Only what lies between a beat's T wave and the next
    beat is stretched or shortened: all beats keep their shapes, so that early and late tell
    nothing of them.
    """
    speed = (path[-1] - path[0]) / (len(path) - 1)
    inside = beats[(beats > path[0]) & (beats < path[-1])]
    interval = np.diff(inside)
    low = inside[:-1] + np.maximum(SYSTOLE * rate * speed, 0.35 * interval)
    high = inside[1:] - BEFORE * rate * speed
    free = high - low > SHORTEST_PAUSE * rate
    interval, low, high = interval[free], low[free], high[free]
    drawn = interval * np.exp(generator.normal(0, generator.uniform(0.1, 0.45), len(interval)))
    pause = np.clip(drawn - interval + (high - low), SHORTEST_PAUSE * rate, 1.5 * rate)
    end = path[-1:] + (path[-1] - path[0])
    knots = np.concatenate([path[:1], np.stack([low, high], axis=1).ravel(), end])
    lengths = np.diff(knots)
    lengths[1::2] = pause
    steps = np.concatenate([[0.0], np.cumsum(lengths)]) / speed
    return np.interp(np.arange(len(path)), steps, knots)


def vary(
    leads: np.ndarray, templates: np.ndarray, rate: float, generator: np.random.Generator
) -> np.ndarray:
    """Windows (N, T) with their records' typical beats (N, K), each in its own variation.

    Returns (N, 3, T) float32: the varied lead (in spreads of itself), how alike it is to the
    typical beat, which is varied as its lead is but knows nothing of the noise, and how alike to
    the typical beat of the window.
    """
    pairs = zip(leads, templates, strict=True)
    return np.stack([_vary_one(lead, beat, rate, generator) for lead, beat in pairs])


def _vary_one(
    lead: np.ndarray, beat: np.ndarray, rate: float, generator: np.random.Generator
) -> np.ndarray:
    apart = np.zeros(BETWEEN, lead.dtype)
    joined = np.concatenate([lead, apart, beat, apart])  # one filter and one gain for both
    chance = generator.random()
    if chance < 0.3:
        joined = _reshaped(joined, generator)
    elif chance < 0.55:
        joined = _other_shape(joined, generator)
    if generator.random() < 0.1:
        joined = -joined
    joined = joined * np.float32(np.exp(generator.uniform(-0.6, 0.6)))
    lead, beat = joined[: len(lead)], joined[len(lead) + BETWEEN : len(joined) - BETWEEN]
    if generator.random() < 0.5:
        lead = lead + _slow_wave(len(lead), rate, generator)
    if generator.random() < 0.5:
        lead = lead + _noise(len(lead), rate, generator)
    alike = correlation(lead, beat) if beat.any() else np.zeros(len(lead))
    return np.stack([lead, alike, local_likeness(lead, rate)]).astype(np.float32)


def _reshaped(lead: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Smoothed by a short kernel, or with some of its slope added: another lead, another filter."""
    if generator.random() < 0.5:
        width = generator.uniform(0.4, 1.6)  # samples
        kernel = np.exp(-0.5 * (np.arange(-5, 6) / width) ** 2)
        return np.convolve(lead, kernel / kernel.sum(), mode="same")
    return lead + generator.normal(0, 0.8) * np.gradient(lead)


def _other_shape(lead: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Through a random short filter: beats of a shape no record has, as alike as they were."""
    taps = np.arange(-REACH, REACH + 1) / generator.uniform(1.0, 5.0)
    kernel = generator.normal(size=len(taps)) * np.exp(-0.5 * taps**2)
    share = generator.uniform(0.3, 1.0)
    kernel *= share / np.linalg.norm(kernel)
    kernel[REACH] += (1 - share) * generator.choice((-1.0, 1.0), p=(0.2, 0.8))
    shaped = np.convolve(lead, kernel, mode="same")
    return (shaped * (lead.std() / max(float(shaped.std()), 1e-6))).astype(np.float32)


def _slow_wave(length: int, rate: float, generator: np.random.Generator) -> np.ndarray:
    """What is left of a wandering baseline."""
    seconds = np.arange(length) / rate
    frequency, phase = generator.uniform(0.1, 0.8), generator.uniform(0, 2 * np.pi)
    return generator.uniform(0, 0.25) * np.sin(2 * np.pi * frequency * seconds + phase)


def _noise(length: int, rate: float, generator: np.random.Generator) -> np.ndarray:
    """Muscle (white, coming and going), electrodes (a bounded random walk) or the mains."""
    kind = generator.integers(3)
    size = 0.12 * generator.random() ** 2
    seconds = np.arange(length) / rate
    if kind == 0:
        envelope = 1 + np.sin(2 * np.pi * generator.uniform(0.02, 0.3) * seconds)
        return size * envelope * generator.normal(size=length)
    if kind == 1:
        walk = np.cumsum(generator.normal(size=length))
        smooth = walk - np.convolve(walk, np.full(121, 1 / 121), mode="same")
        return 2 * size * smooth / max(float(smooth.std()), 1e-6)
    return size * np.sin(2 * np.pi * generator.uniform(48, 60) * seconds)
