"""Calipers on the paper: two clicks or two numbers give an interval, a rate and an amplitude."""

from dataclasses import dataclass, replace
from math import nan

import numpy as np
import streamlit as st

from dashboard.analysis.calipers import SNAP_SECONDS, Measured, measured, snap
from dashboard.analysis.signal_filters import Filters
from dashboard.data.sample import Sample
from dashboard.figures.clock import clock
from dashboard.figures.signals import Calipers, clicked_row, clicked_time
from dashboard.ui import panels
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.ecg.paper_leads import ShownLeads, lead_series
from dashboard.ui.words import literal, signed

LEGS = "calipers"  # session key


@dataclass(frozen=True)
class Legs:
    """Where the calipers stand: one or two `times` (s) on a `channel` of one sample."""

    digest: str
    channel: int
    times: tuple[float, ...]


def legs_of(sample: Sample) -> Legs | None:
    """The calipers on this sample, None where none stand."""
    legs: Legs | None = st.session_state.get(LEGS)
    return legs if legs is not None and legs.digest == sample.digest else None


def measuring() -> bool:
    """Whether a click on the paper sets a leg of the calipers."""
    return bool(st.session_state.get("measure-on"))


def pick_measuring(heart: Heart) -> None:
    """A popover that switches the calipers on, and sets them by numbers."""
    sample = heart.sample
    with st.popover("Measure", type="tertiary", help="Calipers: interval, rate, amplitude"):
        st.toggle("Click two places on the paper", key="measure-on", persist_state="session")
        st.toggle(
            f"Snap to the extremum within {1000 * SNAP_SECONDS:.0f} ms",
            True,
            key="measure-snap",
            persist_state="session",
        )
        legs = legs_of(sample)
        times = legs.times if legs else ()
        for k, name in enumerate(("From (s)", "To (s)")):
            st.number_input(
                name,
                min_value=0.0,
                max_value=float(sample.extent[0]),
                value=times[k] if len(times) > k else None,
                step=0.01,
                format="%.3f",
                placeholder="number or click",
                key=f"measure-{k}-{times}",
                on_change=_typed,
                args=(heart, k, f"measure-{k}-{times}"),
            )
        channel = legs.channel if legs else heart.lead
        st.selectbox(
            "Lead",
            range(len(sample.channels)),
            index=channel,
            format_func=lambda k: literal(sample.channels[k]),
            key=f"measure-lead-{channel}-{times}",
            on_change=_other_lead,
            args=(heart, f"measure-lead-{channel}-{times}"),
            disabled=legs is None,
        )
        st.button("Take away", disabled=legs is None, on_click=_clear, key="measure-clear")


def _clear() -> None:
    st.session_state.pop(LEGS, None)


def _typed(heart: Heart, leg: int, key: str) -> None:
    value = st.session_state[key]
    legs = legs_of(heart.sample) or Legs(heart.sample.digest, heart.lead, ())
    times = list(legs.times)[:2]
    if value is None:
        times = [time for k, time in enumerate(times) if k != leg]
    elif leg < len(times):
        times[leg] = value
    else:
        times.append(value)
    st.session_state[LEGS] = replace(legs, times=tuple(times)) if times else None


def _other_lead(heart: Heart, key: str) -> None:
    legs = legs_of(heart.sample)
    if legs is not None:
        st.session_state[LEGS] = replace(legs, channel=int(st.session_state[key]))


def set_leg(heart: Heart, shown: ShownLeads, filters: Filters, key: str) -> None:
    """A click on the paper drawn under `key`: the first leg, the second, or the first anew."""
    point = panels.selected_point(key)
    if point is None:
        return
    time, sample = clicked_time(point), heart.sample
    legs = legs_of(sample)
    second = legs is not None and len(legs.times) == 1
    channel = legs.channel if second else shown.at(clicked_row(point), time, heart.lead)
    if st.session_state.get("measure-snap", True):
        time = snapped(sample, channel, time, filters)
    times = (*legs.times, time) if second else (time,)
    st.session_state[LEGS] = Legs(sample.digest, channel, times)


def snapped(sample: Sample, channel: int, time: float, filters: Filters) -> float:
    """The time (s) of the extremum near `time` of a lead as it is drawn."""
    near = (time - 2 * SNAP_SECONDS, time + 2 * SNAP_SECONDS)
    ((_, drawn),) = lead_series(sample, [channel], near, filters)
    index = round((time - drawn.start) / drawn.step)
    index = int(np.clip(index, 0, max(len(drawn) - 1, 0)))
    reach = max(1, round(SNAP_SECONDS * sample.sampling_rate))
    return drawn.start + snap(drawn.values, index, reach) * drawn.step


def reading(sample: Sample, legs: Legs, filters: Filters) -> tuple[Measured, tuple[float, ...]]:
    """What the calipers measure on the lead as drawn, and the lead's value at each leg."""
    levels = tuple(_level(sample, legs.channel, time, filters) for time in legs.times)
    if len(levels) < 2:
        return Measured(nan, nan, nan), levels
    rate = sample.sampling_rate
    (first, low), (second, high) = sorted(
        (round(time * rate), level) for time, level in zip(legs.times, levels, strict=True)
    )
    return measured(first, second, (low, high), rate), levels


def _level(sample: Sample, channel: int, time: float, filters: Filters) -> float:
    rate = sample.sampling_rate
    ((_, drawn),) = lead_series(sample, [channel], (time - 0.1, time + 0.1), filters)
    at = round(time * rate) - round(drawn.start * rate)
    return float(drawn.values[at]) if 0 <= at < len(drawn) else nan


def calipers_drawn(
    heart: Heart, shown: ShownLeads, filters: Filters
) -> tuple[Calipers | None, str]:
    """The calipers for the paper, and their reading in words ("" where there are none)."""
    legs = legs_of(heart.sample)
    if legs is None:
        return None, "click two places on the paper" if measuring() else ""
    found, levels = reading(heart.sample, legs, filters)
    name, unit = heart.sample.channels[legs.channel], heart.sample.units[legs.channel]
    if len(legs.times) < 2:
        words = f"from {clock(legs.times[0], 2)} on {name}: click a second place"
        text = ""
    else:
        rate = "–" if np.isnan(found.rate) else f"{found.rate:.1f} bpm"
        text = f"{found.interval:.0f} ms · {rate} · {signed(found.amplitude)} {unit}"
        low, high = sorted(legs.times)
        words = f"{text} on {name}, {clock(low, 2)} to {clock(high, 2)}"
    for k, (lead, channel) in enumerate(zip(shown.leads, shown.channels, strict=True)):
        reach = (lead.trace.start - 1e-3, lead.trace.end + 1e-3)
        inside = [reach[0] <= time <= reach[1] for time in legs.times]
        if channel == legs.channel and any(inside):
            at = tuple(v if here else nan for v, here in zip(levels, inside, strict=True))
            return Calipers(k, legs.times, at, text), words
    return None, words
