"""Numbers and samples in words: shapes, places, durations with their units."""

import re
from collections.abc import Sequence

import numpy as np

from dashboard.data.sample import Sample
from dashboard.figures.clock import clock

THIN = "\u2009"


def thousands(value: int) -> str:
    """1234567 as 1 234 567 with thin spaces."""
    return f"{value:,}".replace(",", THIN)


def literal(text: str) -> str:
    """A text from a file as Markdown that shows it as it is: no link, picture or formula."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~:$])", r"\\\1", text)


def plain(value: float) -> str:
    """A stored value to four digits; whole where these would need an exponent, up to 1e9."""
    return thousands(round(value)) if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def shape_text(shape: Sequence[int]) -> str:
    """(16, 97, 115, 97) as 16 × 97 × 115 × 97."""
    return " × ".join(thousands(n) for n in shape)


def signed(value: float, digits: int = 2) -> str:
    """A number with a real minus, none before a zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\u2212")


def relative(value: float, digits: int = 3) -> str:
    """Three digits with their sign, plus or a real minus."""
    return f"{value:+.{digits}g}".replace("-", "\u2212")


def duration(seconds: float) -> str:
    """A length of time: 8.5 s, 30 min 6 s, 24 h 0 min."""
    if seconds < 60:
        return f"{seconds:.4g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def length_text(value: float, axis_unit: str) -> str:
    """A length along an axis: times under 10 s in ms, others in their unit."""
    if axis_unit == "s":
        return f"{value:.3g} s" if value >= 10 else f"{thousands(round(value * 1000))} ms"
    return f"{value:.4g} {axis_unit}"


def field_text(extent: np.ndarray | None, axis_unit: str) -> str:
    """A receptive field: one length when the axes agree, "all" when the layer sees everything."""
    if extent is None:
        return "all"
    if np.ptp(extent) < 1e-6 * max(float(np.max(extent)), 1e-9):
        return length_text(float(extent[0]), axis_unit)
    return " × ".join(f"{v:.3g}" for v in extent) + f" {axis_unit}"


def position_text(sample: Sample, position: Sequence[float]) -> str:
    """A place in the sample's own coordinates: 9:36.0, row 12, column 9, or (−27, −19, −15) mm."""
    world = sample.to_world(np.asarray(position))
    if sample.axis_unit == "s":
        return clock(float(world[0]), 2) if world[0] >= 60 else f"{world[0]:.2f} s"
    if sample.axis_unit == "px":
        return f"row {position[0]:.0f}, column {position[1]:.0f}"
    return "(" + ", ".join(signed(v, 0) for v in world) + ") mm"


def sample_facts(sample: Sample) -> str:
    """What a sample is, on one line: leads, rate and length, or size and spacing."""
    if sample.axis_unit == "s":
        leads = f"{len(sample.channels)} lead" + ("s" if len(sample.channels) > 1 else "")
        return f"{leads}, {sample.sampling_rate:g} Hz, {duration(sample.extent[0])}"
    if sample.axis_unit == "px":
        return f"{shape_text(sample.shape)} px, {len(sample.channels)} channels"
    spacing = " × ".join(f"{s:.3g}" for s in sample.spacing)
    return f"{shape_text(sample.shape)} voxels of {spacing} mm"
