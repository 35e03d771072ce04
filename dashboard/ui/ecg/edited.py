"""Beats that a person has edited, kept for the session: one book per sample, network and lead."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import streamlit as st

from dashboard.analysis.beat_edits import Edits
from dashboard.analysis.reference import Compared, compare, reference_marks
from dashboard.analysis.rhythm import Rhythm, rhythm
from dashboard.data.sample import Sample

BOOKS = "beat-books"
FOLLOWERS = "beat-followers"
NETWORK = ""  # the base that is the network's answer; others are annotators of the file

Key = tuple[str, str, int]  # digest of the sample, network, lead


@dataclass(frozen=True)
class Book:
    """The edits of one lead: a history per base, and the base that is being looked at."""

    base: str = NETWORK
    histories: Mapping[str, Edits] = field(default_factory=dict)


@dataclass(frozen=True)
class Followers:
    """What was computed from one state of the edits."""

    edits: Edits
    rhythm: Rhythm
    compared: Compared | None


def book(key: Key) -> Book:
    """What this session has edited of these beats."""
    return st.session_state.setdefault(BOOKS, {}).get(key, Book())


def keep(key: Key, base: str, edits: Edits) -> None:
    """Make `edits` of `base` the ones in sight."""
    current = book(key)
    histories = {**current.histories, base: edits}
    st.session_state[BOOKS][key] = replace(current, base=base, histories=histories)


def in_force(key: Key) -> Edits | None:
    """The edits in sight; None while the beats are what the network said."""
    current = book(key)
    edits = current.histories.get(current.base)
    return edits if edits and (edits.done or current.base != NETWORK) else None


def followers(key: Key, edits: Edits, sample: Sample) -> Followers:
    """Rhythm and comparison of edited beats, computed once per state of the edits."""
    kept = st.session_state.setdefault(FOLLOWERS, {})
    if key not in kept or kept[key].edits is not edits:
        rate, marks = sample.sampling_rate, reference_marks(sample)
        beside = None if marks is None else compare(edits.beats, marks, rate)
        kept[key] = Followers(edits, rhythm(edits.beats, rate), beside)
    return kept[key]


def not_the_networks(key: Key, edits: Edits) -> np.ndarray:
    """(B,) bool: which beats are a person's word: those touched, or all that an annotator made."""
    return edits.edited if book(key).base == NETWORK else np.ones(len(edits.beats), bool)


def version(key: Key) -> str:
    """A word for the state of the edits, "" while nothing was edited."""
    edits = in_force(key)
    return f"{book(key).base}{hash(edits.applied) & 0xFFFFFFFF:x}" if edits else ""


def words(key: Key) -> str:
    """What captions say of beats that are not the network's, with a dot before it; else ""."""
    edits = in_force(key)
    if edits is None:
        return ""
    count = f"**edited ({edits.done})**" if edits.done else "not edited"
    base = book(key).base
    return f" · {count}" if base == NETWORK else f" · **beats of {base}**, {count}"


def row_name(key: Key) -> str:
    """What beats are called in a narrow place: "net", "edit", or "file" for an annotator's."""
    edits = in_force(key)
    if edits is None:
        return "net"
    return "edit" if edits.done else "file"
