"""Why the network names one beat as it does: contributions drawn over what it was fed."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard.analysis import why as reasons
from dashboard.analysis.why import BEAT, METHODS, Evidence, Why
from dashboard.figures.attributions import (
    Bracket,
    attribution_rows,
    clicked_time,
    signed_text,
    summed,
)
from dashboard.figures.clock import clock
from dashboard.figures.drawing import Figure
from dashboard.figures.theme import clip_at, number
from dashboard.figures.thin import Series
from dashboard.ui import cache, panels, state
from dashboard.ui.answers import MARKS
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.words import literal, signed
from models import registry

REACHES = {"±1 s": 1.0, "±2 s": 2.0, "±8 s": 8.0}  # s on either side of the beat
BRACKET = 0.1  # s, about the width of a QRS complex
BRACKETS = 3


def show_why(heart: Heart) -> None:
    """Contributions to the answer about the beat nearest to the position."""
    if not len(heart.beats):
        panels.head("Why", "no beat was found in this record")
        return
    beat = int(np.abs(heart.beats.positions - heart.position[0]).argmin())
    position, named = float(heart.beats.positions[beat]), heart.beats.symbols[beat]
    answer, method, reach = _choices(heart, beat, named)
    found = explained(*heart.key, position, answer, method)
    figure, clip = _figure(heart, found, position, reach)
    drawing, table = st.columns([3.1, 1], gap="medium")
    with drawing.container(gap="xsmall"):
        share = signed(100 * found.share_within(*_span(heart, position, reach)), 0)
        alt = f"Contributions to {answer} about the beat at {_time(heart, position)}."

        def clicked(key: str) -> None:
            point = panels.selected_point(key)
            if point is not None:
                place = heart.sample.to_index([clicked_time(point)])[0]
                state.change(position=(float(place),))

        key = panels.chart(figure, "why", heart.theme, alt, on_select=clicked)
        panels.caption(
            f"{heart.answer.spec.name} · {literal(heart.sample.channels[heart.lead])} · "
            f"{found.attribution.method} to the logit of {answer} · {share} % of it in sight · "
            f"clip ±{number(clip)} (99.5 %) · {found.seconds:.2f} s",
            "why",
            (panels.Download("NPZ", "why.npz", "application/octet-stream", lambda: _npz(found)),),
            chart_key=key,
        )
    with table.container(gap="xsmall"):
        _show_channels(heart, found)
        if answer == "N" and "S" not in _classes(heart):
            rows = explained_rhythm(*heart.key, position)
            show_evidence("S rather than N", rows, "value", sum(r.contribution for r in rows))


def _choices(heart: Heart, beat: int, named: str) -> tuple[str, str, float]:
    """The question, the method and the stretch shown, chosen beside the panel's head."""
    beats = heart.beats
    chance = beats.probabilities[beat].max()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        where = _time(heart, float(beats.positions[beat]))
        panels.head(
            "Why", f"beat at {where}, named {MARKS.get(named, '')} **{named}** {chance:.2f}"
        )
        st.space("stretch")
        classes = _classes(heart)
        answer = st.segmented_control(
            "Contribution to",
            [*classes, BEAT],
            default=named if named in classes else "N",
            format_func=lambda name: "N or S" if name == "N" and "S" not in classes else name,
            required=True,
            key=f"why-answer-{heart.sample.digest[:8]}-{beats.positions[beat]:.2f}",
            label_visibility="collapsed",
        )
        reach = st.segmented_control(
            "Shown",
            list(REACHES),
            default="±1 s" if heart.phone else "±2 s",
            required=True,
            key="why-reach",
            label_visibility="collapsed",
        )
        method = st.selectbox(
            "Method", list(METHODS), key="why-method", label_visibility="collapsed", width=200
        )
    return answer, method, REACHES[reach]


def _classes(heart: Heart) -> tuple[str, ...]:
    """What the network shown has a logit for."""
    spec = heart.answer.spec
    return reasons.class_names(cache.network(spec.name, 1), spec)


@cache.remembered(most=32)
def explained(digest: str, model: str, lead: int, position: float, answer: str, method: str) -> Why:
    """Contributions to `answer` about the beat at `position` (sample index)."""
    spec = registry.find(model)
    prepared = cache.answer(digest, model, lead, None).prepared
    return reasons.why(cache.network(model, 1), spec, prepared, position, answer, method)


@cache.remembered(most=32)
def explained_rhythm(digest: str, model: str, lead: int, position: float) -> list[Evidence]:
    """What the rhythm of the network's own beats says about the one nearest to `position`."""
    found = cache.answer(digest, model, lead, None)
    beat = int(np.abs(found.prediction.positions - position).argmin())
    net, spec = cache.network(model, 1), registry.find(model)
    return reasons.rhythm_evidence(net, spec, found.prepared, found.prediction, beat)


def show_evidence(title: str, rows: Sequence[Evidence], value: str, total: float) -> None:
    """What speaks for an answer and what against it, adding up to `total`.

    `value` heads the column of values; what the rows do not account for is a row of its own.
    """
    panels.head(title, "contributions")
    shown = [
        {"": row.name, value: row.value, "adds": f"**{signed_text(row.contribution)}**"}
        for row in rows
    ]
    rest = total - sum(row.contribution for row in rows)
    if abs(rest) >= 0.005:
        shown.append({"": ":gray[not accounted for]", value: "", "adds": signed_text(rest)})
    shown.append({"": "logit", value: "", "adds": f"**{signed_text(total)}**"})
    st.table(shown, border="horizontal", hide_index=True)


def _show_channels(heart: Heart, found: Why) -> None:
    """What each fed channel adds to the logit of a flat lead; without one only their sum."""
    rows = reasons.by_channel(found, heart.answer.spec)
    about = found.attribution
    if np.isnan(about.baseline):
        show_evidence("By channel", rows, "fed", sum(row.contribution for row in rows))
        return
    flat = Evidence("flat lead, like nothing", "0.00", about.baseline)
    show_evidence("By channel", [flat, *rows], "fed", about.output)


def _figure(heart: Heart, found: Why, position: float, reach: float) -> tuple[Figure, float]:
    """The drawing and the contribution drawn at full colour."""
    rate = heart.sample.sampling_rate
    start, step = found.part.to_sample[0, 1] / rate, found.part.to_sample[0, 0] / rate
    signal = Series(start, step, found.part.array)
    window = tuple(place / rate for place in _span(heart, position, reach))
    clip = clip_at(summed(signal, found.values, window).values)
    stretches = reasons.strongest_stretches(found.values, max(1, round(BRACKET / step)), BRACKETS)
    brackets = [
        Bracket(
            s.channel,
            start + (s.start - 0.5) * step,
            start + (s.end - 0.5) * step,
            signed_text(s.contribution),
        )
        for s in stretches
    ]
    stride = heart.answer.spec.decoder["stride"]
    cell = tuple(start + (stride * edge - 0.5) * step for edge in (found.cell, found.cell + 1))
    figure = attribution_rows(
        signal,
        found.values,
        window,
        theme=heart.theme,
        clip=clip,
        names=[f"{n} ({u})" if u else n for n, u in reasons.channel_names(heart.answer.spec)],
        cell=cell,
        brackets=brackets,
        beats=heart.marks,
        phone=heart.phone,
    )
    return figure, clip


def _span(heart: Heart, position: float, reach: float) -> tuple[float, float]:
    """The stretch shown, in samples, inside the record."""
    half = reach * heart.sample.sampling_rate
    return max(0.0, position - half), min(heart.sample.shape[0] - 1.0, position + half)


def _time(heart: Heart, position: float) -> str:
    return clock(position / heart.sample.sampling_rate, 2)


def _npz(found: Why) -> bytes:
    return panels.npz(
        fed=found.part.array, contributions=found.values, to_sample=found.part.to_sample
    )
