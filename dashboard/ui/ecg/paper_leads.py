"""The leads of the window as they are drawn: laid out, filtered, with what is not to be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
import streamlit as st

from dashboard.analysis.signal_filters import BEFORE_SECONDS, Filters, filtered_window
from dashboard.analysis.signal_quality import FLAT_SECONDS, stretches
from dashboard.data.sample import Sample
from dashboard.figures.lead_layouts import LAYOUTS, LeadLayout, can_show, missing_leads, pieces
from dashboard.figures.signals import Doubt, Lead
from dashboard.figures.thin import Series
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.ecg.paper_cache import lead_range, reader
from dashboard.ui.window import Window, go_to
from dashboard.ui.words import literal

LAYOUT_SECONDS = 10.0  # of the usual layouts: 2.5 s per column of 3×4


@dataclass(frozen=True)
class ShownLeads:
    """What is on the paper: `leads` with the `channels` they show, None for one not recorded."""

    leads: tuple[Lead, ...]
    channels: tuple[int | None, ...]

    def at(self, row: int | None, time: float, lead: int) -> int:
        """The channel drawn in a row (from the top) at a time (s); `lead` where there is none."""
        for drawn, channel in zip(self.leads, self.channels, strict=True):
            inside = drawn.trace.start - 0.1 <= time <= drawn.trace.end + 0.1
            if row is not None and drawn.row == row and inside and channel is not None:
                return channel
        return lead


def pick_layout(sample: Sample, shown: Window) -> LeadLayout:
    """A list of layouts; choosing one of twelve leads makes the window 10 s long."""
    names = {layout.name: layout for layout in LAYOUTS}

    def chosen() -> None:
        if names[st.session_state["paper-layout"]].rows and shown.length != LAYOUT_SECONDS:
            go_to(sample, shown.start, LAYOUT_SECONDS)

    name = st.selectbox(
        "Layout of the leads",
        list(names),
        key="paper-layout",
        on_change=chosen,
        label_visibility="collapsed",
        width=92,
        persist_state="session",
    )
    return names[name]


def layout_words(layout: LeadLayout, sample: Sample, shown: Window) -> str:
    """What the layout shows of this record, for the caption; says which leads it lacks."""
    if not layout.rows:
        return ""
    missing = missing_leads(layout, sample.channels)
    if not can_show(layout, sample.channels):
        there = ", ".join(literal(name) for name in sample.channels[:4])
        return f"{layout.name} needs the twelve standard leads, this record has {there}: a stack"
    column = shown.length / max(len(row) for row in layout.rows)
    words = f"{layout.name}, {column:.3g} s per column"
    return words + (f", not recorded: {', '.join(missing)}" if missing else "")


def shown_leads(
    heart: Heart, shown: Window, layout: LeadLayout, filters: Filters, before: bool
) -> ShownLeads:
    """The leads of a layout, or those chosen for the stack, over the window."""
    sample, span = heart.sample, shown.span
    before = bool(filters) and before and shown.length <= BEFORE_SECONDS
    if layout.rows and can_show(layout, sample.channels):
        laid = pieces(layout, sample.channels, span)
        places = [(p.row, p.channel, p.name, (p.start, p.end)) for p in laid]
    else:
        stacked = stack_channels(heart)
        places = [(k, row, sample.channels[row], span) for k, row in enumerate(stacked)]
    needed = sorted({place[1] for place in places if place[1] is not None})
    whole = dict(zip(needed, lead_series(sample, needed, span, filters), strict=True))
    leads = []
    for row, channel, name, part in places:
        if channel is None:
            leads.append(Lead(name, Series(part[0], 1.0, np.empty(0, np.float32)), row=row))
            continue
        raw, drawn = whole[channel]
        doubts = _doubts(sample, channel, part)
        cut = drawn.within(*part)
        first = round(cut.start * sample.sampling_rate)
        pale = raw.within(*part) if before else None
        leads.append(Lead(name, cut, first, row, pale, doubts))
    return ShownLeads(tuple(leads), tuple(place[1] for place in places))


def stack_channels(heart: Heart) -> list[int]:
    """The channels of the stack: those chosen under "Leads shown"."""
    names = heart.sample.channels
    chosen = st.session_state.get("leads-shown") or default_leads(heart)
    return [i for i, name in enumerate(names) if name in chosen] or [heart.lead]


def default_leads(heart: Heart) -> list[str]:
    """The leads drawn at first: the one analysed and the next, or all where there are three."""
    names = list(heart.sample.channels)
    if len(names) <= 3 and not heart.phone:
        return names
    return [names[i] for i in sorted({heart.lead, (heart.lead + 1) % len(names)})]


def lead_series(
    sample: Sample, channels: Sequence[int], span: tuple[float, float], filters: Filters
) -> list[tuple[Series, Series]]:
    """Each channel over `span` (s), as recorded and as drawn: through the filters."""
    first, raw, drawn = filtered_window(sample, channels, span, filters)
    start, step = first / sample.sampling_rate, 1 / sample.sampling_rate
    return [
        (Series(start, step, before), Series(start, step, after))
        for before, after in zip(raw, drawn, strict=True)
    ]


def _doubts(sample: Sample, channel: int, part: tuple[float, float]) -> tuple[Doubt, ...]:
    """Gaps, flat and saturated stretches of a part (s) of a lead."""
    rate = sample.sampling_rate
    start = max(0, floor((part[0] - FLAT_SECONDS) * rate))
    end = min(sample.shape[0], ceil((part[1] + FLAT_SECONDS) * rate))
    ends = lead_range(sample.digest, channel)
    found = stretches(reader(sample, channel, start), end - start, rate, ends)
    rows = zip(found.starts, found.ends, found.kinds, strict=True)
    doubts = [Doubt((start + a) / rate, (start + b) / rate, kind) for a, b, kind in rows]
    low, high = part
    return tuple(
        Doubt(max(d.start, low), min(d.end, high), d.word)
        for d in doubts
        if d.end > low and d.start < high
    )
