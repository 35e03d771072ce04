"""What lies over a scan: the network's answer, or another volume of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.data.sample import Sample
from dashboard.figures.resliced import Overlay
from dashboard.ui import state
from dashboard.ui.scan import plane_cache, settings, whole_results
from dashboard.ui.words import literal
from models.records import Mask

if TYPE_CHECKING:
    from dashboard.ui.scan.place import Place

ANSWER = "answer"
NOTHING = ""
SHARE = 0.25  # of the clip: where the threshold of a map starts


def offered(place: Place) -> dict[str, str]:
    """What can lie over this scan: keys with the words shown."""
    rows = {NOTHING: "nothing"}
    if isinstance(place.placed, Mask):
        rows[ANSWER] = f"answer of {place.spec.name}"
    rows |= whole_results.offered(place.sample.digest, place.spec.name)
    for upload in reversed(state.uploads()):
        if upload.kind == "volume" and upload.digest != place.sample.digest:
            rows[upload.digest] = upload.name
    if state.builtin_sample("brain") is not place.sample:
        rows["brain"] = state.builtin_sample("brain").name
    return rows


def chosen_overlay(place: Place) -> Overlay | None:
    """The overlay chosen in the settings, where this scan can have it."""
    key = place.settings.overlay(place.sample.digest)
    if key == NOTHING or key not in offered(place):
        return None
    if key == ANSWER:
        return answer_overlay(place, place.placed)
    if key in whole_results.offered(place.sample.digest, place.spec.name):
        return whole_results.overlay(place, key)
    return sample_overlay(state.sample(key), place)


def answer_overlay(place: Place, mask: Mask) -> Overlay:
    """A network's classes on the scan's own grid."""
    return Overlay(
        key=f"{ANSWER} {place.spec.name}",
        title=place.spec.name,
        values=mask.labels,
        affine=place.sample.affine,
        labels=True,
        names=mask.names,
        opacity=place.settings.opacity,
    )


def sample_overlay(sample: Sample, place: Place) -> Overlay:
    """Another volume on its own grid: labels where it holds few whole numbers, else a map."""
    highest = plane_cache.highest_label(sample.digest)
    spread = plane_cache.counts(sample.digest)
    low, high = spread.percentiles(0.5, 99.5)
    clip = max(abs(low), abs(high)) or 1.0
    asked = place.settings.threshold
    return Overlay(
        key=sample.digest,
        title=sample.name,
        values=sample.array[0],
        affine=sample.affine,
        labels=highest > 0,
        scale=sample.scale,
        unit=sample.units[0],
        threshold=SHARE * clip if asked is None else asked,
        clip=clip,
        opacity=place.settings.opacity,
    )


def pick_overlay(place: Place) -> None:
    """Which overlay, how opaque, and from which value on."""
    rows = offered(place)
    overlay = place.overlay
    digest = place.sample.digest
    at = list(rows).index(place.settings.overlay(digest)) if overlay else 0
    key = f"scan-overlay-{digest[:8]}-{len(rows)}-{at}"
    st.selectbox(
        "Over the scan",
        list(rows),
        at,
        format_func=lambda row: rows[row],
        key=key,
        on_change=lambda: settings.choose_overlay(digest, st.session_state[key]),
    )
    if len(rows) == 1:
        st.markdown(
            ":gray[:small[Load a second volume, a mask or a map, to lay it over this one.]]"
        )
    if overlay is None:
        return
    st.slider(
        "Opacity",
        0.1,
        1.0,
        place.settings.opacity,
        0.05,
        key="scan-opacity",
        on_change=lambda: settings.change(opacity=st.session_state["scan-opacity"]),
    )
    if overlay.labels:
        return
    key = f"scan-threshold-{overlay.key[:8]}"
    unit = f" ({literal(overlay.unit)})" if overlay.unit else ""
    st.number_input(
        f"Shown from |value|{unit}",
        0.0,
        None,
        float(overlay.threshold),
        float(f"{overlay.clip / 20:.1g}"),
        key=key,
        on_change=lambda: settings.change(threshold=st.session_state[key]),
    )
