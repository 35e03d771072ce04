"""What the paper's tools need of a whole lead, computed once: its range, stretches and quality."""

import numpy as np
import streamlit as st

from dashboard.analysis import quality_index, signal_quality
from dashboard.analysis.quality_index import Quality
from dashboard.analysis.signal_quality import LeadRange, Read, Stretches
from dashboard.data.sample import Sample
from dashboard.ui import cache, state


def reader(sample: Sample, lead: int, start: int = 0) -> Read:
    """Values of a lead from one sample to before another, counted from `start`."""

    def read(first: int, last: int) -> np.ndarray:
        return sample.values((lead, slice(start + first, start + last)))

    return read


@st.cache_resource(max_entries=128, show_spinner=False)
def lead_range(digest: str, lead: int) -> LeadRange:
    """The range of a lead."""
    sample = state.by_digest(digest)
    return signal_quality.lead_range(reader(sample, lead), sample.shape[0])


@st.cache_resource(max_entries=32, show_spinner="Looking for gaps …")
def lead_stretches(digest: str, lead: int) -> Stretches:
    """Gaps, flat and saturated stretches of a whole lead."""
    sample = state.by_digest(digest)
    read, ends = reader(sample, lead), lead_range(digest, lead)
    return signal_quality.stretches(read, sample.shape[0], sample.sampling_rate, ends)


@st.cache_resource(max_entries=32, show_spinner="Judging the signal …")
def lead_quality(digest: str, model: str, lead: int) -> Quality:
    """Indices of signal quality for every 10 s of a lead, with the beats that a network found."""
    found = cache.answer(digest, model, lead, None)
    sample = state.by_digest(digest)
    read, positions = reader(sample, lead), found.prediction.positions
    return quality_index.quality(read, sample.shape[0], sample.sampling_rate, positions)
