"""Rhythm: RR intervals over the record, one against the next, and heart rate variability."""

from math import isnan

import numpy as np
import streamlit as st

from dashboard.analysis.hrv import BANDS, InTime, Missing, Spectrum, hrv_rows
from dashboard.analysis.intervals import Intervals
from dashboard.data.writers.intervals_csv import measures_csv, normal_intervals_csv
from dashboard.figures.poincare import clicked_pair, dots_of, poincare_plot
from dashboard.figures.spectrum import variability_spectrum
from dashboard.figures.tachogram import Tachogram, clicked_interval, tachogram
from dashboard.figures.theme import number
from dashboard.ui import panels, state
from dashboard.ui.answers import MARKS
from dashboard.ui.ecg import beat_cache
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.texts import explain
from dashboard.ui.window import window
from dashboard.ui.words import duration, thousands

TOLERANCE = 0.2  # of the median of the intervals around
NEAR = 0.15  # s; the beat that is ringed is no further from the position


def show_rhythm(heart: Heart) -> None:
    """Tachogram, Poincaré plot, variability in time and frequency, of N-N intervals alone."""
    with st.container(horizontal=True, vertical_alignment="center"):
        panels.head("Rhythm", "from intervals between two N beats (N-N) alone")
        st.space("stretch")
        strict = st.toggle(
            f"leave out N-N {100 * TOLERANCE:.0f} % off their neighbours",
            key="rhythm-strict",
            help="Compared with the median of the five kept before and the five after. Takes out "
            "early beats that were called N, and much of atrial fibrillation.",
        )
    key = (heart.sample.digest, heart.lead, heart.beats, TOLERANCE if strict else None)
    found = beat_cache.beat_intervals(*key)
    with st.spinner("Computing heart rate variability …"):
        in_time, spectrum = beat_cache.variability(*key)
    left, right = st.columns([1.9, 1], gap="medium")
    with left.container(gap="xsmall"):
        _show_tachogram(heart, found)
        _show_numbers(heart, found, in_time, spectrum)
    with right.container(gap="xsmall"):
        _show_poincare(heart, found, in_time)
    explain("rhythm", "About rhythm and variability")


def _near(heart: Heart, times: np.ndarray) -> int | None:
    """Which of `times` (s) is the beat at the position."""
    if not len(times):
        return None
    away = np.abs(times - heart.position[0] / heart.sample.sampling_rate)
    return int(away.argmin()) if away.min() <= NEAR else None


def _go_to_beat(heart: Heart, beat: int) -> None:
    state.change(position=(float(heart.beats.positions[beat]),))


def _show_tachogram(heart: Heart, found: Intervals) -> None:
    sample = heart.sample
    gaps = beat_cache.gaps(sample.digest, heart.lead) / sample.sampling_rate
    record = Tachogram(found.ends, found.lengths, found.symbols, found.kept, gaps, sample.extent[0])
    shown = window(sample, heart.position)
    figure = tachogram(
        record,
        shown.span,
        theme=heart.theme,
        chosen=_near(heart, found.ends),
        phone=heart.phone,
    )

    def clicked(key: str) -> None:
        point = panels.selected_point(key)
        if point is not None:
            _go_to_beat(heart, clicked_interval(point, record) + 1)

    kept = int(found.kept.sum())
    alt = f"{kept} of {len(found)} RR intervals over {duration(sample.extent[0])} are N-N."
    chart_key = panels.chart(figure, "tachogram", heart.theme, alt, on_select=clicked)
    classes = " ".join(f"{MARKS[name]} {name}" for name in "SVFQ")
    panels.caption(
        f"{MARKS['N']} N-N · left out: ○ N, {classes} · click goes to the beat · {heart.source}",
        "tachogram",
        (
            panels.Download(
                "CSV",
                "nn_intervals.csv",
                "text/csv",
                lambda: normal_intervals_csv(found.ends, found.lengths, found.kept),
            ),
        ),
        chart_key=chart_key,
    )


def _show_poincare(heart: Heart, found: Intervals, in_time: InTime | Missing) -> None:
    pairs = found.pairs
    first, second = 1000 * found.lengths[pairs], 1000 * found.lengths[pairs + 1]
    dots = dots_of(first, second)
    middle = _near(heart, found.ends[pairs])  # the beat between the two intervals
    figure = poincare_plot(
        first,
        second,
        dots,
        theme=heart.theme,
        spread=(in_time.sd1, in_time.sd2) if isinstance(in_time, InTime) else None,
        chosen=middle,
        height=340 if heart.phone else 390,
        phone=heart.phone,
    )

    def clicked(key: str) -> None:
        point = panels.selected_point(key)
        if point is not None:
            _go_to_beat(heart, int(pairs[clicked_pair(point, first, second, dots)]) + 1)

    panels.head("Poincaré", "each N-N interval over the one before")
    alt = f"{len(pairs)} pairs of successive N-N intervals."
    chart_key = panels.chart(figure, "poincare", heart.theme, alt, on_select=clicked)
    shared = f" · dots of {dots.cell:.0f} ms, darker for more" if dots.cell else ""
    text = f"{thousands(len(pairs))} pairs{shared} · {heart.source}"
    panels.caption(text, "poincare", chart_key=chart_key)


def _show_numbers(
    heart: Heart, found: Intervals, in_time: InTime | Missing, spectrum: Spectrum | Missing
) -> None:
    """The table of variability, what was left out, and the spectrum."""
    kept = int(found.kept.sum())
    with st.grid(8, min_column_width=84):
        st.metric("N-N intervals", thousands(kept))
        st.metric("left out", thousands(len(found) - kept))
        if isinstance(in_time, InTime):
            st.metric("mean N-N", f"{in_time.mean:.0f} ms")
            st.metric("SDNN", f"{in_time.sdnn:.1f} ms")
            st.metric("RMSSD", f"{in_time.rmssd:.1f} ms")
            st.metric("pNN50", f"{in_time.pnn50:.1f} %")
            st.metric("SD1 / SD2", f"{in_time.sd1:.0f} / {in_time.sd2:.0f}", help="ms")
            index = "–" if isnan(in_time.triangular) else f"{in_time.triangular:.1f}"
            st.metric("triangular", index, help="Triangular index; from 20 minutes on")
    reasons = [f"{thousands(count)} {reason}" for reason, count in found.left_out()]
    st.markdown(f":gray[:small[Left out: {', '.join(reasons) or 'nothing'}.]]")
    for result in (in_time, spectrum):
        if isinstance(result, Missing):
            st.markdown(result.why)
    rows = hrv_rows(found, in_time, spectrum)
    table = panels.Download("CSV", "hrv.csv", "text/csv", lambda: measures_csv(rows))
    if isinstance(spectrum, Spectrum):
        _show_spectrum(heart, spectrum, table)
    else:
        panels.caption(f"N-N intervals alone · {heart.source}", "variability", (table,))


def _show_spectrum(heart: Heart, spectrum: Spectrum, table: panels.Download) -> None:
    powers = {"VLF": spectrum.vlf, "LF": spectrum.lf, "HF": spectrum.hf}
    with st.grid(8, min_column_width=84):
        for name, power in powers.items():
            st.metric(name, f"{number(power)} ms²")
        st.metric("total power", f"{number(spectrum.total)} ms²")
        st.metric("LF / HF", "–" if isnan(spectrum.ratio) else f"{spectrum.ratio:.2f}")
    bands = {name: (*BANDS[name], powers[name]) for name in BANDS}
    figure = variability_spectrum(
        spectrum.frequencies, spectrum.density, bands, theme=heart.theme, phone=heart.phone
    )
    alt = f"LF {number(powers['LF'])} ms², HF {number(powers['HF'])} ms²."
    chart_key = panels.chart(figure, "variability", heart.theme, alt)
    few = " (the others hold under 80 % N-N)" if spectrum.used < spectrum.stretches else ""
    text = (
        f"mean of {spectrum.used} of {spectrum.stretches} stretches of {spectrum.stretch:.0f} s"
        f"{few} · Welch, Hann windows of {spectrum.window:.0f} s"
    )
    panels.caption(f"{text} · {heart.source}", "variability", (table,), chart_key=chart_key)
