"""What a network says about a scan: classes as pills, volumes of a mask, named points."""

from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard.analysis.regions import voxel_volume
from dashboard.data.sample import Sample
from dashboard.data.writers.nifti_file import nifti_bytes
from dashboard.figures.resliced import label_colour
from dashboard.ui import panels, state
from dashboard.ui.answers import show_answer as show_classes
from dashboard.ui.scan.measuring import millilitres
from dashboard.ui.scan.place import Place
from dashboard.ui.words import literal, signed
from models.records import Landmarks, Mask


def show_answer(place: Place) -> None:
    """Classes as pills; of a mask or of landmarks why they may not apply, if so."""
    answer = place.answer
    if answer is None or not isinstance(answer.prediction, Mask | Landmarks):
        show_classes(place)
        return
    found = answer.prediction
    what = f"{len(found.names)} points" if isinstance(found, Landmarks) else "a class per voxel"
    st.markdown(f":gray[{place.spec.name}: {what}]")
    if answer.reasons:
        st.markdown(f":gray[:small[{'; '.join(answer.reasons)}]]")


def show_placed(place: Place) -> None:
    """A mask's volumes with the file of its labels, or the landmarks in mm; else nothing."""
    if isinstance(place.placed, Mask):
        _mask(place, place.placed)
    elif isinstance(place.placed, Landmarks):
        _landmarks(place, place.placed)


def _mask(place: Place, mask: Mask) -> None:
    panels.head("Segmentation", "of " + ("a part" if mask.region else "the whole scan"))
    each = voxel_volume(place.sample.affine)
    lines = []
    for label, (name, count) in enumerate(mask.counts().items(), 1):
        red, green, blue = label_colour(label)
        spot = f'<span style="color:rgb({red},{green},{blue})">■</span>'
        lines.append(f"{spot} {name}: {millilitres(count * each)}")
    st.html("<br>".join(lines))
    files = (
        panels.Download(
            "NIfTI", "labels.nii.gz", "application/gzip", lambda: label_nifti(place.sample, mask)
        ),
    )
    panels.caption(_seconds(place), "mask", files)


def label_nifti(sample: Sample, mask: Mask) -> bytes:
    """The labels as .nii.gz on the scan's own grid."""
    labels = np.ascontiguousarray(mask.labels, dtype=np.uint8)[None]
    channel = {"channels": ("label",), "units": ("",)}
    return nifti_bytes(replace(sample, array=labels, modality="mask", scale=None, **channel))


def _landmarks(place: Place, found: Landmarks) -> None:
    panels.head("Landmarks", "a press goes there")
    for number, (name, point) in enumerate(zip(found.names, found.positions, strict=True)):
        world = ", ".join(signed(v, 1) for v in place.sample.to_world(point))
        where = tuple(float(p) for p in np.rint(point))
        st.button(
            f"{literal(name)} :gray[({world}) mm, score {found.scores[number]:.2f}]",
            key=f"scan-landmark-{number}",
            type="tertiary",
            on_click=lambda at=where: state.change(position=at),
        )
    st.markdown(f":gray[:small[{_seconds(place)}]]")


def _seconds(place: Place) -> str:
    seconds = place.answer.seconds
    return f"{place.spec.name} · {seconds.prepare + seconds.predict:.2f} s"
