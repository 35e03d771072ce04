"""Surfaces kept between two clicks: of scans, of channels, of what lies over a scan."""

from hashlib import blake2b

import numpy as np
import streamlit as st

from dashboard.data.coarse import CoarseVolume, coarse_volume
from dashboard.data.surface import (
    Surface,
    default_levels,
    label_surfaces,
    map_surface,
    sample_surface,
)
from dashboard.figures.resliced import Overlay
from dashboard.ui import cache, state

MOST_BESIDE = 24_000  # triangles of a scan that only lends its outline to something else
MOST_EACH = 18_000  # of either side of a channel
RENDERED = 2**21  # voxels of a volume that is rendered


@st.cache_resource(max_entries=16, show_spinner=False)
def levels(digest: str) -> tuple[tuple[str, float], ...]:
    """Names and levels worth a surface of a scan."""
    return default_levels(state.by_digest(digest))


@st.cache_resource(max_entries=16, show_spinner="Finding the surface …")
def scan_surface(digest: str, level: float, most: int) -> Surface:
    """A scan's surface at a level."""
    return sample_surface(state.by_digest(digest), level, most=most)


def outline_surface(digest: str) -> Surface:
    """The outermost of a scan's surfaces, coarse."""
    level = min(level for _, level in levels(digest))
    return scan_surface(digest, level, MOST_BESIDE)


@st.cache_resource(max_entries=32, show_spinner=False)
def channel_surfaces(
    digest: str,
    model: str,
    name: str,
    lead: int,
    block: tuple[float, ...] | None,
    channel: int,
    level: float,
) -> tuple[Surface, Surface]:
    """A channel's surfaces around what lies above `level` and below −`level`, in mm of the scan."""
    view = cache.layer(digest, model, name, lead, block)
    affine = state.by_digest(digest).affine @ view.place
    values = view.maps[channel]
    alone = values.max() <= level or values.min() >= -level  # as after a ReLU
    most = 2 * MOST_EACH if alone else MOST_EACH
    return map_surface(values, affine, level, most=most), map_surface(
        -values, affine, level, most=most
    )


def _identity(overlay: Overlay) -> str:
    """What an overlay's surfaces depend on: an answer has the same name at every crosshair."""
    digest = blake2b(np.ascontiguousarray(overlay.values.T).data.cast("B"), digest_size=16)
    digest.update(repr((overlay.labels, overlay.threshold, overlay.scale)).encode())
    digest.update(np.ascontiguousarray(overlay.affine, dtype=float).data.cast("B"))
    return digest.hexdigest()


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs={Overlay: _identity})
def overlay_surfaces(overlay: Overlay) -> dict[int, Surface]:
    """Surfaces of what lies over a scan: by label, or 1 above and −1 below a map's threshold."""
    if overlay.labels:
        return label_surfaces(overlay.values, overlay.affine, most=2 * MOST_EACH)
    slope, intercept = overlay.scale or (1.0, 0.0)
    values = overlay.values * np.float32(slope) + np.float32(intercept)
    level = overlay.threshold or 0.5 * overlay.clip
    return {
        sign: map_surface(sign * values, overlay.affine, level, most=MOST_EACH) for sign in (1, -1)
    }


@st.cache_resource(max_entries=4, show_spinner=False)
def rendered_volume(digest: str) -> CoarseVolume:
    """A scan as it is rendered: means over blocks of voxels."""
    return coarse_volume(state.by_digest(digest), RENDERED)
