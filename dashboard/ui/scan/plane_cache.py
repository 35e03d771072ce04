"""What the Scan page keeps between two clicks: pictures of slices, counts, kinds of overlays."""

import numpy as np
import streamlit as st

from dashboard.analysis.regions import Region, region, regions_of_labels
from dashboard.data.sample import Sample
from dashboard.data.value_counts import ValueCounts, value_counts
from dashboard.data.windows import MR_PERCENTILES, presets
from dashboard.figures.greys import GreyPicture, grey_picture
from dashboard.figures.resliced import MOST_LABELS
from dashboard.figures.slabs import slab_values
from dashboard.figures.volumes import plane
from dashboard.ui import state

PERCENTAGES = tuple(share for pair in MR_PERCENTILES for share in pair)


@st.cache_resource(max_entries=16, show_spinner=False)
def counts(digest: str) -> ValueCounts:
    """How the values of a scan are spread."""
    return value_counts(state.by_digest(digest), PERCENTAGES)


def window_of(digest: str, chosen: str | tuple[float, float]) -> tuple[float, float]:
    """Black and white in the scan's unit: a pair as it is, a preset by name, "" for the default."""
    if not isinstance(chosen, str):
        return chosen
    offered = presets(state.by_digest(digest).modality)
    preset = next((p for p in offered if p.name == chosen), offered[0])
    if preset.percentiles:
        return counts(digest).percentiles(*preset.percentiles)
    return preset.low, preset.high


@st.cache_resource(max_entries=96, show_spinner=False)
def grey(
    digest: str,
    name: str,
    along: int,
    window: tuple[float, float],
    convention: str,
    slab: float,
    projection: str,
    exact: bool,
) -> GreyPicture:
    """A plane of a scan as it is sent: slice `along` of plane `name`, or the slab around it."""
    sample = state.by_digest(digest)
    where = plane(name, sample.shape, sample.affine, np.full(3, along), convention)
    return grey_picture(slab_values(where, sample, slab, projection), window, exact=exact)


@st.cache_resource(max_entries=32, show_spinner=False)
def highest_label(digest: str) -> int:
    """The highest label of a volume that holds labels; 0 for one that holds amounts."""
    return highest_label_of(state.by_digest(digest))


def highest_label_of(sample: Sample) -> int:
    """The highest of the whole numbers from 0 to MOST_LABELS that a volume consists of, else 0."""
    spread = counts(sample.digest)
    if spread.low < 0 or not 0 < spread.high <= MOST_LABELS:
        return 0
    for k in range(sample.shape[2]):  # slice by slice: a large mask must not be copied whole
        values = sample.values((0, slice(None), slice(None), k))
        if (values != np.rint(values)).any():  # NaN as well
            return 0
    return int(spread.high)


@st.cache_resource(max_entries=64, show_spinner=False)
def region_at(digest: str, centre: tuple[float, ...], radius: float, shape: str) -> Region:
    """Numbers of a sphere or box around a place."""
    return region(state.by_digest(digest), centre, radius, shape)


@st.cache_resource(max_entries=16, show_spinner=False)
def labelled(digest: str, overlay: str) -> dict[int, Region]:
    """Numbers of a scan under each label of another volume."""
    other = state.by_digest(overlay)
    plain = other.scale in (None, (1.0, 0.0))
    labels = other.array[0] if plain else other.values((0,))
    return regions_of_labels(state.by_digest(digest), labels, other.affine)
