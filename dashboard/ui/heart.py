"""The ECG page's panels: numbers, overview, paper with beats, table of beats."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.analysis.analyze import Analysis
from dashboard.analysis.reference import Compared
from dashboard.analysis.rhythm import Rhythm
from dashboard.data.sample import Sample
from dashboard.data.writers.beats_csv import beat_annotations, beats_csv
from dashboard.figures.beats import BeatMarks
from dashboard.figures.clock import clock
from dashboard.figures.overview import chosen_window, ecg_overview
from dashboard.figures.signals import Lead, clicked_time, ecg_paper, samples_per_pixel
from dashboard.figures.theme import THEMES, Theme
from dashboard.figures.thin import Series
from dashboard.ui import cache, panels, shell, state
from dashboard.ui.answers import MARKS
from dashboard.ui.window import Window, go_to, window, window_controls
from dashboard.ui.words import thousands

CLASS_NAMES = {
    "N": "normal",
    "S": "supraventr.",
    "V": "ventricular",
    "F": "fusion",
    "Q": "unknown",
}
ROWS = 400  # beats in the table at most: what follows the window


@dataclass(frozen=True)
class Heart:
    """One ECG with its beats, all in sample positions; `position` is the chosen sample."""

    sample: Sample
    answer: Analysis
    lead: int
    position: tuple[float, ...]
    theme: Theme
    phone: bool

    @property
    def key(self) -> tuple:
        """What caches of these beats are keyed by."""
        return self.sample.digest, self.answer.spec.name, self.lead

    @cached_property
    def rhythm(self) -> Rhythm:
        """RR, rates and counts."""
        return cache.beat_rhythm(*self.key)

    @cached_property
    def compared(self) -> Compared | None:
        """The file's own annotations beside the network's, None where it has none."""
        return cache.compared(*self.key)

    @property
    def marks(self) -> BeatMarks:
        """The network's beats as drawn."""
        scores = self.answer.prediction.scores
        return BeatMarks(self.rhythm.times, self.rhythm.symbols, scores)

    @property
    def source(self) -> str:
        """Model, lead and seconds, for captions."""
        seconds = self.answer.seconds
        return (
            f"{self.answer.spec.name} · {self.sample.channels[self.lead]} · "
            f"{seconds.prepare + seconds.predict:.2f} s"
        )


def make_heart(view: state.View) -> Heart:
    """The ECG of a view; another kind of sample is replaced by the built-in ECG."""
    try:
        sample = state.sample(view.sample)
    except KeyError:
        sample = state.sample("ecg")
    if sample.dim != 1:
        view = state.change(sample="ecg")
        sample = state.sample("ecg")
    lead = view.lead if 0 <= view.lead < len(sample.channels) else cache.default_lead(sample.digest)
    answer = cache.answer(sample.digest, "ecg-beats", lead, None)
    place = view.position or (min(5.0, sample.extent[0] / 2) * sample.sampling_rate,)
    position = (float(np.clip(place[0], 0, sample.shape[0] - 1)),)
    theme = THEMES[shell.theme_name()]
    return Heart(sample, answer, lead, position, theme, shell.phone())


def show_numbers(heart: Heart) -> None:
    """Counts per class, heart rate and RR."""
    rhythm = heart.rhythm
    with st.grid(8, min_column_width=104):
        for name, words in CLASS_NAMES.items():
            st.metric(f"{MARKS[name]} {name} {words}", thousands(rhythm.counts[name]))
        st.metric("heart rate", _number(rhythm.heart_rate, "bpm"))
        st.metric("RR median", _number(rhythm.rr_median, "ms"))
        low, high = rhythm.rr_low, rhythm.rr_high
        spread = "–" if np.isnan(low) else f"{low:.0f}–{high:.0f} ms"
        st.metric("RR 5 to 95 %", spread)


def _number(value: float, unit: str) -> str:
    return "–" if np.isnan(value) else f"{value:.0f} {unit}"


def show_overview(heart: Heart) -> None:
    """The whole record; dragging a box chooses the window."""
    shown = window(heart.sample, heart.position)
    panels.head(
        "Whole record", "heart rate and where S, V and F beats are; drag to choose a window"
    )
    length = heart.sample.extent[0]
    figure = ecg_overview(
        heart.rhythm.times,
        heart.rhythm.symbols,
        heart.rhythm.rates,
        shown.span,
        duration=length,
        theme=heart.theme,
        phone=heart.phone,
    )

    def boxed(key: str) -> None:
        boxes = st.session_state[key].selection.box
        if boxes:
            start, end = chosen_window(boxes[-1], length)
            go_to(heart.sample, start, max(end - start, 2.0))

    alt = f"Heart rate over {clock(length)}, median {_number(heart.rhythm.heart_rate, 'bpm')}."
    panels.chart(figure, "overview", heart.theme, alt, on_select=boxed, selection_mode="box")


def show_paper(heart: Heart) -> None:
    """The window on ECG paper: leads, beats, the file's annotations, class probabilities."""
    sample = heart.sample
    shown = window(sample, heart.position)
    with st.container(horizontal=True, vertical_alignment="center"):
        panels.head("Window", f"{clock(shown.start)} to {clock(shown.span[1])}")
        st.space("stretch")
        window_controls(sample, shown, "paper-window")
    compared = heart.compared
    reference = compared and BeatMarks(
        compared.positions / sample.sampling_rate, compared.symbols, differs=compared.differs
    )
    width = 340 if heart.phone else 970
    figure = ecg_paper(
        _leads(heart, shown),
        shown.span,
        theme=heart.theme,
        beats=heart.marks,
        reference=reference,
        lanes=cache.lanes(
            *heart.key, cache.block_of(sample.digest, heart.answer.spec.name, heart.position)
        ),
        position=heart.position[0] / sample.sampling_rate,
        width=width,
        phone=heart.phone,
    )
    inside = heart.marks.within(*shown.span)
    alt = f"{len(inside)} beats between {clock(shown.start)} and {clock(shown.span[1])}."
    key = panels.chart(figure, "paper", heart.theme, alt, on_select=_moved)
    per_pixel = samples_per_pixel(shown.span, sample.sampling_rate, width)
    text = f"25 mm/s, 10 mm/mV · {per_pixel:.1f} samples per px" + (
        ", min and max kept" if per_pixel > 1 else ""
    )
    panels.caption(
        f"{text} · below: class probability of each cell, 0 to 1 · {heart.source}",
        "paper",
        chart_key=key,
    )


def _leads(heart: Heart, shown: Window) -> list[Lead]:
    """The window's values of the leads chosen, the analysed one first."""
    sample, rate = heart.sample, heart.sample.sampling_rate
    first = max(0, int(shown.start * rate) - 1)
    last = int(shown.span[1] * rate) + 2
    chosen = st.session_state.get("leads-shown") or default_leads(heart)
    rows = [i for i, name in enumerate(sample.channels) if name in chosen] or [heart.lead]
    return [
        Lead(
            sample.channels[row],
            Series(first / rate, 1 / rate, sample.values((row, slice(first, last)))),
            first,
        )
        for row in rows
    ]


def default_leads(heart: Heart) -> list[str]:
    """The leads drawn at first: the one analysed and the next, or all where there are three."""
    names = list(heart.sample.channels)
    if len(names) <= 3 and not heart.phone:
        return names
    return [names[i] for i in sorted({heart.lead, (heart.lead + 1) % len(names)})]


def _moved(key: str) -> None:
    point = panels.selected_point(key)
    if point is not None:
        sample = state.sample(state.view().sample)
        state.change(position=(float(sample.to_index([clicked_time(point)])[0]),))


def show_table(heart: Heart) -> None:
    """Beats from the window on; choosing a row moves the window to it."""
    shown = window(heart.sample, heart.position)
    with st.container(horizontal=True, vertical_alignment="center"):
        panels.head("Beats", thousands(len(heart.answer.prediction)))
        only = heart.compared is not None and st.toggle("differences only", key="only-differences")
    rows = beat_rows(heart, shown.start, only)
    columns = {name: _chips(heart.theme) for name in ("net", "ref") if name in rows}
    chosen = st.dataframe(
        rows.drop(columns=["position"]),
        hide_index=True,
        height=380 if not heart.phone else 250,
        key=f"beats-{heart.sample.digest[:8]}-{shown.start:.2f}-{only}",
        on_select="rerun",
        selection_mode="single-row",
        column_config=columns,
    )
    picked = chosen.selection.rows
    if picked:
        position = float(rows["position"].iloc[picked[0]])
        if position != heart.position[0]:
            _centre(heart.sample, position, shown)
            st.rerun()
    beats, rate = heart.answer.prediction, heart.sample.sampling_rate
    files = (
        panels.Download("CSV", "beats.csv", "text/csv", lambda: beats_csv(beats, rate)),
        panels.Download(
            "WFDB",
            "beats.atr",
            "application/octet-stream",
            lambda: beat_annotations(beats, rate),
        ),
    )
    panels.caption(heart.source, "beats", files)


def _centre(sample: Sample, position: float, shown: Window) -> None:
    """Show a beat: the window moves only when the beat lies outside it."""
    time = position / sample.sampling_rate
    state.change(position=(position,))
    if not shown.span[0] <= time <= shown.span[1]:
        go_to(sample, time - shown.length / 2, shown.length)


def _chips(theme: Theme) -> object:
    names = list(theme.classes)
    colours = [theme.classes[name] for name in names]
    return st.column_config.MultiselectColumn(options=names, color=colours, width=46)


def beat_rows(heart: Heart, start: float, only_differences: bool) -> pd.DataFrame:
    """At most `ROWS` beats from `start` (s) on: time, network, reference, probability, RR."""
    beats, rhythm = heart.answer.prediction, heart.rhythm
    of_beat = None if heart.compared is None else np.array(heart.compared.of_beat, dtype=object)
    keep = rhythm.times >= start - 1e-9
    if only_differences and of_beat is not None:
        keep = of_beat != rhythm.symbols
    at = np.flatnonzero(keep)[:ROWS]
    rows = pd.DataFrame({"time": [clock(t, 2) for t in rhythm.times[at]]})
    rows["net"] = [[s] for s in rhythm.symbols[at].tolist()]
    if of_beat is not None:
        rows["ref"] = [[s] if s else [] for s in of_beat[at]]
    rows["p"] = np.round(beats.probabilities.max(axis=1)[at], 2) if len(at) else []
    rows["RR ms"] = np.round(1000 * rhythm.rr[at])
    rows["position"] = beats.positions[at]
    return rows
