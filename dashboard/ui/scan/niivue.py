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

MOST_BYTES = 2**26  # of stored values that are sent as they are, before compression
MOST_VOXELS = 2**22  # sent by default: more takes a browser without a graphics card minutes
KEY = "niivue"
SEEN = "niivue-seen"  # session key: digest and mm of the last click
HEIGHT, PHONE_HEIGHT = 620, 460
HELP = """:gray[:small[The same scan in [NiiVue](https://github.com/niivue/niivue), drawn by your
graphics card. Click to move the crosshair, here and on the planes; turn the wheel to go through
the slices or to zoom; drag with the right button to set the window; drag the rendering to turn
it. Its own crosshair starts in the middle.]]"""
LOOKS = {
    "planes": "multiplanar",
    "axial": "axial",
    "coronal": "coronal",
    "sagittal": "sagittal",
    "volume": "3d",
}


def show_niivue(place: Place) -> None:
    """NiiVue with the scan and what lies over it; a click there moves the crosshair here."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        look = st.segmented_control(
            "NiiVue shows",
            list(LOOKS),
            default="planes",
            required=True,
            key="niivue-look",
            label_visibility="collapsed",
        )
        whole = _pick_detail(place)
    content, steps = _volume(place.sample.digest, whole)
    viewer, words = st.columns([2, 1], gap="medium")
    with viewer:
        clicked = _viewer(place, content, LOOKS[look])
    with words:
        st.markdown(HELP)
    _follow(place, clicked)
    parts = [literal(place.sample.name), f"NiiVue, {len(content) / 2**20:.1f} MB sent"]
    if max(steps) > 1:
        parts.append(f"means of {shape_text(steps)} voxels, to fit a browser")
    files = (panels.Download("NIfTI", "scan.nii.gz", "application/gzip", lambda: content),)
    panels.caption(" · ".join(parts), "niivue", files)


def _pick_detail(place: Place) -> bool:
    """Whether every voxel is sent; offered where that is more than is sent anyhow, and bearable."""
    if np.prod(place.sample.shape) <= MOST_VOXELS:
        return True
    if place.sample.array.nbytes > MOST_BYTES:
        return False
    words = "Send the whole volume: slow without a graphics card"
    return st.toggle("every voxel", key="niivue-whole", help=words)


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
def _volume(digest: str, whole: bool) -> tuple[bytes, tuple[int, ...]]:
    """The scan as .nii.gz, as it is stored or in means over blocks of voxels, and the blocks."""
    sample = state.by_digest(digest)
    if whole:
        return nifti_bytes(sample), (1, 1, 1)
    coarse = coarse_volume(sample, MOST_VOXELS)
    return map_nifti_bytes(coarse.values, coarse.affine), coarse.steps


def _overlay(overlay: Overlay) -> bytes:
    slope, intercept = overlay.scale or (1.0, 0.0)
    values = np.asarray(overlay.values, np.float32) * np.float32(slope) + np.float32(intercept)
    return map_nifti_bytes(values, overlay.affine)


def _follow(place: Place, clicked: dict | None) -> None:
    """Move the crosshair to a new click.

    The component repeats the last one in every run, and reports the middle when it has loaded.
    """
    if not clicked or clicked.get("type") != "voxel_click" or not clicked.get("mm"):
        return
    world = tuple(float(v) for v in clicked["mm"][:3])
    index, shape = place.sample.to_index(world), np.array(place.sample.shape)
    if st.session_state.get(SEEN) == (place.sample.digest, world):
        return
    st.session_state[SEEN] = (place.sample.digest, world)
    if np.abs(index - (shape - 1) / 2).max() <= 1.5:
        return
    index = np.clip(np.rint(index), 0, shape - 1)
    state.change(position=tuple(float(v) for v in index))
    st.rerun()
