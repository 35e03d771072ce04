"""What lies under the crosshair: place, value, overlay, and how the scan is oriented."""

import html
import math

import numpy as np
import streamlit as st

from dashboard.figures.volumes import obliqueness
from dashboard.ui.components.tiles import Readout, ReadoutRow
from dashboard.ui.scan.place import Place
from dashboard.ui.words import plain, signed

OBLIQUE = 1.0  # degrees from which a scan is called oblique


def readout(place: Place) -> Readout:
    """Patient coordinates, voxel, value with its unit, overlay, voxel size, obliqueness."""
    sample = place.sample
    world = sample.to_world(np.array(place.position))
    rows = [
        ReadoutRow(name, f"{signed(value, 1)} mm") for name, value in zip("xyz", world, strict=True)
    ]
    value = float(sample.values((0, *place.voxel)))
    rows.append(ReadoutRow("voxel", ", ".join(str(n) for n in place.voxel), rule=True))
    rows.append(ReadoutRow("value", with_unit(value, place.unit)))
    if place.overlay is not None:
        over = place.overlay.at(world)
        said = with_unit(over, place.overlay.unit)
        if place.overlay.labels and math.isfinite(over):
            said = place.overlay.name(round(over)) if over else "–"
        rows.append(ReadoutRow(place.overlay.title[:18], said))
    spacing = " × ".join(f"{s:.3g}" for s in sample.spacing)
    rows.append(ReadoutRow("voxel size", f"{spacing} mm", rule=True))
    angle = obliqueness(sample.affine)
    if angle > OBLIQUE:
        rows.append(ReadoutRow("oblique by", f"{angle:.1f}°"))
    return Readout(tuple(rows))


def show_readout(place: Place) -> None:
    """The readout as a table of its own; as a component it would weigh ten times as much."""
    rule = "border-top:1px solid var(--st-border-color,#8884)"
    lines = [
        f'<div style="display:flex;justify-content:space-between;padding:2px 0;'
        f'{rule if row.rule else ""}"><span style="opacity:.75">{html.escape(row.label)}</span>'
        f'<code style="background:none;color:inherit">{html.escape(row.value)}</code></div>'
        for row in readout(place).rows
    ]
    st.html(f'<div style="font-size:12.5px">{"".join(lines)}</div>')


def with_unit(value: float, unit: str) -> str:
    """A value in words, with its unit where it has one; "no value" for NaN."""
    if not math.isfinite(value):
        return "no value"
    return f"{plain(value)} {unit}".strip().replace("-", "−")
