"""Which values are black and white: presets, numbers, or a stretch drawn on the histogram."""

import streamlit as st

from dashboard.data.windows import from_centre, presets
from dashboard.figures.window_histogram import window_histogram
from dashboard.ui import panels
from dashboard.ui.scan import plane_cache, settings
from dashboard.ui.scan.place import Place
from dashboard.ui.words import literal

OWN = "own"


def pick_window(place: Place) -> None:
    """A preset by name, or centre and width in numbers."""
    digest = place.sample.digest
    names = [preset.name for preset in presets(place.sample.modality)]
    chosen = place.settings.window(digest) or names[0]
    shown = chosen if isinstance(chosen, str) and chosen in names else OWN
    rows = names if shown in names else [*names, OWN]
    key = f"scan-window-{digest[:8]}-{shown}"

    def preset() -> None:
        if st.session_state[key] != OWN:
            settings.choose_window(digest, st.session_state[key])

    st.selectbox("Window", rows, rows.index(shown), key=key, on_change=preset)
    low, high = place.window
    unit = f" ({literal(place.unit)})" if place.unit else ""
    fields = (("Centre", (low + high) / 2), ("Width", high - low))
    keys = [f"scan-{name}-{digest[:8]}-{low:.6g}-{high:.6g}" for name, _ in fields]

    def numbers() -> None:
        centre, width = (float(st.session_state[one]) for one in keys)
        settings.choose_window(digest, from_centre(centre, max(width, 1e-6)))

    for column, (name, value), field in zip(st.columns(2), fields, keys, strict=True):
        step = float(f"{max(high - low, 1e-6) / 20:.1g}")
        column.number_input(
            name + unit, value=float(f"{value:.6g}"), step=step, key=field, on_change=numbers
        )


def show_histogram(place: Place) -> None:
    """The values of the whole scan with the window on them; a stretch drawn becomes the window."""
    record = plane_cache.counts(place.sample.digest)
    figure = window_histogram(record, place.window, theme=place.theme)
    low, high = place.window

    def drawn(key: str) -> None:
        box = panels.selected_box(key)
        if box is not None and box[1] > box[0]:
            settings.choose_window(place.sample.digest, box)

    panels.head("Values", "of the whole scan; drag to choose a window")
    alt = f"Histogram of {place.sample.name}; the window goes from {low:.4g} to {high:.4g}."
    key = f"scan-values-{place.sample.digest[:8]}-{low:.6g}-{high:.6g}"
    drawn_as = panels.chart(figure, key, place.theme, alt, on_select=drawn, selection_mode="box")
    every = f"1 voxel in {record.every} along each axis" if record.every > 1 else "every voxel"
    panels.caption(f"log scale · {every}", "scan-values", chart_key=drawn_as)
