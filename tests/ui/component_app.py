"""A page with nothing but our components, for the tests that click them in a real browser."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import streamlit as st

from dashboard.figures.activations import Cell, clicked_cell, signal_and_channel
from dashboard.figures.matrices import clicked_pair, gram_heatmap
from dashboard.figures.overview import chosen_window, ecg_overview
from dashboard.figures.pictures import map_picture
from dashboard.figures.theme import THEMES
from dashboard.figures.thin import Series
from dashboard.ui.components.eye import eye, shown_theme
from dashboard.ui.components.strip import StripRow, strip
from dashboard.ui.components.tiles import Box, Line, Readout, ReadoutRow, Ring, Tile, tiles

state = st.session_state
theme = THEMES[shown_theme()]


def say(name: str, value: object) -> None:
    """Write a value where a test finds it."""
    st.text(f"{name}: {value}")


def remember(name: str):
    """A callback that keeps what a component reported."""
    return lambda value: state.__setitem__(name, value)


picture = map_picture(np.array([[1.0, -1.0], [0.0, 0.5]]), 1.0)
marks = (Line(0, 0.5, 1, 0.5), Box(0.2, 0.2, 0.4, 0.4, filled=True), Ring(0.5, 0.5))
grid = [
    Tile("a", (picture,), marks, left="a", letters=("L", "R", "A", "P"), dark=True, alt="tile a"),
    Tile("b", (picture,), left="7", right="0.46", selected=True, width=0.5, alt="tile b"),
    Readout((ReadoutRow("stride", "4 mm"), ReadoutRow("axes", "RAS+", rule=True))),
]
tiles("grid", grid, columns=3, narrow=2, on_click=remember("click"), on_wheel=remember("wheel"))
say("click", state.get("click"))
say("wheel", state.get("wheel"))

chosen = state.get("layer", "stage1.conv1")
rows = [
    StripRow("stem", "stem", "16 × 97", "5 mm", (0.2, 1.0), chosen=chosen == "stem"),
    StripRow("stage1", "stage 1", "16 × 49", "37 mm", stage=True, open=True),
    StripRow("stage1.conv1", "1.conv1", parent="stage1", chosen=chosen == "stage1.conv1"),
    StripRow("stage2", "stage 2", "32 × 25", "69 mm", stage=True),
    StripRow("stage2.conv1", "2.conv1", parent="stage2", chosen=chosen == "stage2.conv1"),
]
strip("strip", rows, on_choice=remember("layer"))
say("layer", chosen)

options = {"config": {"displayModeBar": False}, "on_select": "rerun"}
rng = np.random.default_rng(0)
signal = Series(0.0, 0.01, rng.normal(size=1_000))
ribbon = Series(0.05, 0.1, rng.normal(size=(8, 100)))
figure = signal_and_channel(
    signal, ribbon, Cell(2, 5.0, (4.5, 5.5)), theme=theme, window=(0, 10), clip=2.0, height=400
)
event = st.plotly_chart(figure, key=f"ribbon-{theme.name}", selection_mode="points", **options)
say("cell", [clicked_cell(point) for point in event.selection.points])

figure = gram_heatmap(rng.normal(size=(4, 4)), theme=theme, order=[3, 2, 1, 0], height=300)
event = st.plotly_chart(figure, key=f"gram-{theme.name}", selection_mode="points", **options)
say("pair", [clicked_pair(point) for point in event.selection.points])

times = np.arange(1.0, 100.0)
figure = ecg_overview(
    times, ["N"] * 99, np.full(99, 60.0), (10, 20), duration=100, theme=theme, height=130
)
event = st.plotly_chart(figure, key=f"overview-{theme.name}", selection_mode="box", **options)
say("window", [chosen_window(box, 100) for box in event.selection.box])

say("theme", eye())
