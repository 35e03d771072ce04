"""A scan in NiiVue: all planes and a rendering on the visitor's graphics card.

NiiVue (https://github.com/niivue/niivue, BSD-2) draws in the browser, so the whole volume travels
there once; what is large is averaged first.
"""

import numpy as np
import streamlit as st

from dashboard.data.coarse import coarse_volume
from dashboard.data.writers.nifti_file import map_nifti_bytes, nifti_bytes
from dashboard.figures.resliced import Overlay
from dashboard.ui import panels, state
from dashboard.ui.scan.place import Place
from dashboard.ui.words import literal, shape_text

MOST_BYTES = 2**25  # of stored values sent as they are, before compression
MOST_VOXELS = 2**23  # of a larger volume: as many bytes in float32
KEY = "niivue"
HEIGHT, PHONE_HEIGHT = 620, 460
HELP = """:gray[:small[The same scan in [NiiVue](https://github.com/niivue/niivue), drawn by your
graphics card. Click to move the crosshair, here and on the planes; turn the wheel to go through
the slices or to zoom; drag with the right button to set the window; drag the rendering to turn
it.]]"""
LOOKS = {
    "planes": "multiplanar",
    "axial": "axial",
    "coronal": "coronal",
    "sagittal": "sagittal",
    "volume": "3d",
}


def show_niivue(place: Place) -> None:
    """NiiVue with the scan and what lies over it; a click there moves the crosshair here."""
    looks = st.segmented_control(
        "NiiVue shows",
        list(LOOKS),
        default="planes",
        required=True,
        key="niivue-look",
        label_visibility="collapsed",
    )
    content, steps = _volume(place.sample.digest)
    viewer, words = st.columns([2, 1], gap="medium")
    with viewer:
        clicked = _viewer(place, content, LOOKS[looks])
    with words:
        st.markdown(HELP)
    _follow(place, clicked)
    parts = [literal(place.sample.name), f"NiiVue, {len(content) / 2**20:.1f} MB sent"]
    if max(steps) > 1:
        parts.append(f"means of {shape_text(steps)} voxels, to fit a browser")
    files = (panels.Download("NIfTI", "scan.nii.gz", "application/gzip", lambda: content),)
    panels.caption(" · ".join(parts), "niivue", files)


def _viewer(place: Place, content: bytes, mode: str) -> dict | None:
    """The component itself; returns the last click."""
    from niivue_component import niivue_viewer  # only where it is asked for

    overlay = place.overlay
    over = None
    if overlay is not None:
        colours = "random" if overlay.labels else "warm"
        row = {"data": _overlay(overlay), "name": "overlay.nii.gz", "colormap": colours}
        over = [row | {"opacity": overlay.opacity}]
    return niivue_viewer(
        nifti_data=content,
        filename="scan.nii.gz",
        overlays=over,
        height=PHONE_HEIGHT if place.phone else HEIGHT,
        view_mode=mode,
        styled=False,
        settings={
            "crosshair": True,
            "radiological": place.convention == "radiological",
            "colorbar": False,
            "interpolation": False,
        },
        update_interval_ms=200,
        key=f"{KEY}-{place.sample.digest[:8]}",
    )


@st.cache_resource(max_entries=2, show_spinner="Packing the volume …")
def _volume(digest: str) -> tuple[bytes, tuple[int, ...]]:
    """The scan as .nii.gz, as it is stored or in means over blocks of voxels, and the blocks."""
    sample = state.by_digest(digest)
    if sample.array.nbytes <= MOST_BYTES:
        return nifti_bytes(sample), (1, 1, 1)
    coarse = coarse_volume(sample, MOST_VOXELS)
    return map_nifti_bytes(coarse.values, coarse.affine), coarse.steps


def _overlay(overlay: Overlay) -> bytes:
    slope, intercept = overlay.scale or (1.0, 0.0)
    values = np.asarray(overlay.values, np.float32) * np.float32(slope) + np.float32(intercept)
    return map_nifti_bytes(values, overlay.affine)


def _follow(place: Place, clicked: dict | None) -> None:
    """Move the crosshair to a new click; the component repeats the last one in every run."""
    if not clicked or clicked.get("type") != "voxel_click" or not clicked.get("mm"):
        return
    world = tuple(float(v) for v in clicked["mm"][:3])
    if st.session_state.get(f"{KEY}-seen") == (place.sample.digest, world):
        return
    st.session_state[f"{KEY}-seen"] = (place.sample.digest, world)
    index = np.clip(place.sample.to_index(world), 0, np.array(place.sample.shape) - 1)
    state.change(position=tuple(float(v) for v in np.rint(index)))
    st.rerun()
