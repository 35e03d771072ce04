"""What follows from a list of beats, computed once and kept: keyed by the beats themselves.

Beats can be edited, so a name of the network is not enough.
"""

import hashlib

import numpy as np
import streamlit as st

from dashboard.analysis import hrv, intervals, shapes
from dashboard.ui import state
from models.records import Beats


def beats_key(beats: Beats) -> str:
    """Hex digest of where beats are and what they are called."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(np.ascontiguousarray(beats.positions, dtype=np.float64).data)
    digest.update(np.ascontiguousarray(beats.labels, dtype=np.int64).data)
    digest.update(repr(beats.names).encode())
    return digest.hexdigest()


KEYS = {Beats: beats_key}


@st.cache_resource(max_entries=16, show_spinner=False)
def gaps(digest: str, lead: int) -> np.ndarray:
    """(G, 2) sample ranges of a lead without values."""
    return intervals.gaps_of(state.by_digest(digest), lead)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=KEYS)
def beat_intervals(
    digest: str, lead: int, beats: Beats, tolerance: float | None
) -> intervals.Intervals:
    """The RR intervals and which of them are N-N."""
    rate = state.by_digest(digest).sampling_rate
    return intervals.intervals_of(beats, rate, gaps(digest, lead), tolerance=tolerance)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=KEYS)
def variability(
    digest: str, lead: int, beats: Beats, tolerance: float | None
) -> tuple[hrv.InTime | hrv.Missing, hrv.Spectrum | hrv.Missing]:
    """Heart rate variability in time and in frequency."""
    found = beat_intervals(digest, lead, beats, tolerance)
    return hrv.in_time(found), hrv.spectrum(found)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=KEYS)
def beat_shapes(digest: str, lead: int, beats: Beats) -> shapes.Shapes:
    """Beats of each class cut out of a lead, with their averages."""
    return shapes.beat_shapes(state.by_digest(digest), lead, beats)
