"""Variations of an ECG window that leave its beats what they are: speed, gain, shape, noise."""

import numpy as np


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


def vary(windows: np.ndarray, rate: float, generator: np.random.Generator) -> np.ndarray:
    """Each of `windows` (N, T) float32 in its own variation; amplitudes are spreads of the lead."""
    return np.stack([_vary_one(window, rate, generator) for window in windows])


def _vary_one(lead: np.ndarray, rate: float, generator: np.random.Generator) -> np.ndarray:
    if generator.random() < 0.5:
        lead = _reshaped(lead, generator)
    if generator.random() < 0.25:
        lead = -lead
    lead = lead * np.float32(np.exp(generator.uniform(-0.6, 0.6)))
    if generator.random() < 0.5:
        lead = lead + _slow_wave(len(lead), rate, generator)
    if generator.random() < 0.5:
        lead = lead + _noise(len(lead), rate, generator)
    return lead.astype(np.float32)


def _reshaped(lead: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Smoothed by a short kernel, or with some of its slope added: another lead, another filter."""
    if generator.random() < 0.5:
        width = generator.uniform(0.4, 1.6)  # samples
        kernel = np.exp(-0.5 * (np.arange(-5, 6) / width) ** 2)
        return np.convolve(lead, kernel / kernel.sum(), mode="same")
    return lead + generator.normal(0, 0.8) * np.gradient(lead)


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
