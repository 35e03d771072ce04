"""Finished runs over whole scans: kept by the session, laid over the planes like any overlay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard.analysis.whole import ClassMap, WholeAnswer
from dashboard.figures.resliced import Overlay
from dashboard.figures.theme import PROBABILITY

if TYPE_CHECKING:
    from dashboard.ui.scan.place import Place

RESULTS = "scan-whole-results"  # session key: (digest, network) to WholeAnswer, the newest last
MOST = 3  # results kept by a session
LABELS = "whole"
SHOWN_FROM = 0.5  # probability from which a class is drawn at first


def keep(digest: str, model: str, answer: WholeAnswer) -> None:
    """Remember a run, in place of an older one of the same network over the same scan."""
    kept = dict(st.session_state.get(RESULTS, {}))
    kept.pop((digest, model), None)
    kept[digest, model] = answer
    st.session_state[RESULTS] = dict(list(kept.items())[-MOST:])


def finished(digest: str, model: str) -> WholeAnswer | None:
    """The last run of a network over a scan, None where there was none."""
    return st.session_state.get(RESULTS, {}).get((digest, model))


def offered(digest: str, model: str) -> dict[str, str]:
    """Overlays that a finished run gives: keys with the words shown."""
    answer = finished(digest, model)
    if answer is None:
        return {}
    if not isinstance(answer.found, ClassMap):
        return {LABELS: f"whole scan: {model}"}
    return {f"{LABELS} {i}": f"whole scan: {name}" for i, name in enumerate(answer.found.names)}


def overlay(place: Place, key: str) -> Overlay:
    """The labels of a run, or the probability of one of its classes."""
    answer = finished(place.sample.digest, place.spec.name)
    look = {"key": f"{key} {place.spec.name}", "opacity": place.settings.opacity}
    if not isinstance(answer.found, ClassMap):
        mask = answer.found
        return Overlay(
            title=place.spec.name,
            values=mask.labels,
            affine=place.sample.affine,
            labels=True,
            names=mask.names,
            **look,
        )
    index, asked = int(key.split()[1]), place.settings.threshold
    return Overlay(
        title=answer.found.names[index],
        values=answer.found.probabilities[index],
        affine=affine_of(place, answer.found),
        labels=False,
        threshold=SHOWN_FROM if asked is None else asked,
        clip=1.0,
        colours=PROBABILITY,
        **look,
    )


def affine_of(place: Place, found: ClassMap) -> np.ndarray:
    """(4, 4) from a unit of the map to RAS+ mm."""
    return place.sample.affine @ found.place
