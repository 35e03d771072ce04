"""The where-line: which sample, which network, which layer, channel and position."""

from functools import partial

import streamlit as st

from dashboard.data import builtin
from dashboard.data.sample import Sample
from dashboard.ui import cache, state
from dashboard.ui.words import literal, position_text, sample_facts
from models import registry


def pick_sample(current: Sample, kind: str | None = None) -> None:
    """A popover with the built-in samples and this session's uploads, each of `kind` if given."""
    with st.popover(literal(current.name), type="tertiary", help="Choose another sample"):
        st.markdown(f":gray[{sample_facts(current)}]")
        for note in current.notes:
            st.markdown(f":gray[:small[{literal(note)}]]")
        for upload in reversed(state.uploads()):
            if kind in (None, upload.kind):
                _sample_button(upload.digest, upload.name)
        for row in builtin.BUILTIN:
            if kind in (None, state.builtin_sample(row.key).kind):
                _sample_button(row.key, row.title)
        st.page_link("../pages/home.py", label="Load your own file", icon=":material/upload:")
        _sample_files(current)


def _sample_button(key: str, title: str) -> None:
    st.button(
        literal(title),
        key=f"sample-{key}",
        type="tertiary",
        on_click=partial(state.change, sample=key),
    )


def _sample_files(current: Sample) -> None:
    """The built-in sample in sight as files of its kind, to be dropped back in."""
    for row in builtin.BUILTIN:
        if state.builtin_sample(row.key) is not current:
            continue
        st.markdown(":gray[:small[This sample as a file, to drop back in or keep:]]")
        for name, data, mime in builtin_files(row.key):
            st.download_button(name, data, name, mime, type="tertiary", on_click="ignore")


@st.cache_resource(max_entries=4, show_spinner=False)
def builtin_files(key: str) -> tuple[tuple[str, bytes, str], ...]:
    """A built-in sample as files: (file name, bytes, mime)."""
    return next(row for row in builtin.BUILTIN if row.key == key).files()


def pick_model(sample: Sample, current: str) -> None:
    """A popover with the networks this sample can be shown to, trained ones first."""
    with st.popover(current, type="tertiary", help="Choose another network"):
        for spec in cache.models_for(sample.dim):
            trained = "trained" if registry.trained(spec.name, sample.dim) else "random weights"
            st.button(
                f"{spec.name} :gray[{trained}]",
                key=f"model-{spec.name}",
                type="tertiary",
                on_click=partial(state.change, model=spec.name),
            )


def pick_lead(sample: Sample, lead: int) -> None:
    """The lead a signal network is fed; nothing for a sample of one channel."""
    if sample.dim != 1 or len(sample.channels) < 2:
        return
    with st.popover(literal(sample.channels[lead]), type="tertiary", help="Choose another lead"):
        for index, name in enumerate(sample.channels):
            st.button(
                literal(name),
                key=f"lead-{index}",
                type="tertiary",
                on_click=partial(state.change, lead=index),
            )


def pick_position(sample: Sample, position: tuple[float, ...]) -> None:
    """The position in numbers, one input per axis in the sample's own unit, for the keyboard."""
    world = sample.to_world(position)
    names = {"s": ("time (s)",), "px": ("row (px)", "column (px)"), "mm": ("x", "y", "z (mm)")}
    with st.popover(f"**{position_text(sample, position)}**", type="tertiary"):
        for axis, name in enumerate(names[sample.axis_unit]):
            key = f"place-{sample.digest[:8]}-{axis}-{world[axis]:.4f}"
            st.number_input(
                name,
                value=float(round(world[axis], 3)),
                step=float(max(sample.spacing[min(axis, sample.dim - 1)], 0.001)),
                format="%.3f",
                key=key,
                on_change=_place,
                args=(sample, tuple(world), axis, key),
            )


def _place(sample: Sample, world: tuple[float, ...], axis: int, key: str) -> None:
    moved = list(world)
    moved[axis] = float(st.session_state[key])
    state.change(position=tuple(float(p) for p in sample.to_index(moved)))
