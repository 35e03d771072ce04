"""A mask and landmarks made by hand on the Scan page: drawn, counted, saved, gone to."""

import gzip
from dataclasses import replace
from io import BytesIO

import nibabel
import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.data.sample import Sample
from dashboard.figures.resliced import label_colour
from dashboard.figures.theme import LIGHT
from dashboard.ui.scan import answer as scan_answer
from dashboard.ui.scan import planes as scan_planes
from dashboard.ui.scan.measuring import numbers_csv
from dashboard.ui.scan.place import Place
from dashboard.ui.scan.readout import readout
from dashboard.ui.scan.settings import Settings
from models import registry
from models.records import Landmarks, Mask

AFFINE = np.array([[-1.5, 0, 0.2, 20], [0, 2, 0, -30], [0, 0, 2.5, 4], [0, 0, 0, 1.0]])
LABELS = np.zeros((12, 14, 10), np.uint8)
LABELS[2:5, 3:9, 4:6] = 1
LABELS[8, 8, 4:8] = 2
MASK = Mask(("background", "anterior", "posterior"), LABELS)
POINTS = Landmarks(("front", "back"), np.array([[3.0, 5, 4.6], [9.2, 1, 8]]), np.array([0.9, 0.4]))


class Said:
    """As much of an analysis as the page looks at."""

    def __init__(self, prediction):
        self.prediction, self.reasons = prediction, ()


def place(prediction, task, position=(3.0, 5.0, 4.0), **settings):
    stored = np.random.default_rng(0).integers(-200, 300, LABELS.shape).astype(np.int16)
    sample = Sample(stored[None], "s", "ct", ("v",), ("HU",), "mm", affine=AFFINE, scale=(1.0, 0.0))
    spec = replace(registry.find("resnet3d-hippocampus"), task=task)
    made = Place(sample, spec, position, (-160.0, 240.0), Settings(**settings), LIGHT, False)
    made.__dict__["answer"] = Said(prediction)
    return made


def test_a_mask_lies_over_every_plane_in_its_colours(monkeypatch):
    monkeypatch.setattr(scan_planes.plane_cache, "grey", lambda *_: pytest.fail("not asked for"))
    shown = place(MASK, "segmentation", opacity=1.0)
    overlay = shown.overlay
    assert overlay.labels
    for where in shown.planes:
        cut = where.cut(LABELS)
        grey = scan_planes.GreyPicture(b"")
        _, png = scan_planes._layers(shown, where, grey)
        pixels = np.asarray(Image.open(BytesIO(png)).convert("RGBA"))
        for label in (1, 2):
            there = (pixels[..., :3] == label_colour(label)).all(axis=-1) & (pixels[..., 3] > 0)
            np.testing.assert_array_equal(there, cut == label)


def test_the_readout_names_the_class_under_the_crosshair():
    rows = {row.label: row.value for row in readout(place(MASK, "segmentation")).rows}
    assert rows["resnet3d-hippocam…"] == "anterior"
    x, _, z = AFFINE[:3, :3] @ (3, 5, 4) + AFFINE[:3, 3]
    assert rows["x"] == f"{x:.1f} mm".replace("-", "−")
    assert rows["z"] == f"{z:.1f} mm"
    assert rows["voxel"] == "3, 5, 4"
    assert rows["value"].endswith("HU")
    assert rows["oblique by"].endswith("°")  # sheared by 4.6 degrees


def test_the_labels_are_saved_on_the_grid_of_the_scan():
    content = scan_answer.label_nifti(place(MASK, "segmentation").sample, MASK)
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(content))
    np.testing.assert_array_equal(np.asarray(image.dataobj), LABELS)
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)
    assert image.get_data_dtype() == np.uint8


def test_landmarks_are_ringed_on_the_planes_they_are_near():
    shown = place(POINTS, "landmarks")
    marks = {where.name: scan_planes._marks(shown, where) for where in shown.planes}
    axial, coronal, sagittal = shown.planes
    # "front" lies 1.5 mm above the axial plane and on the two others; "back" far from all.
    for where in (axial, coronal, sagittal):
        ring, text = marks[where.name]
        assert (ring.x, ring.y) == pytest.approx(where.fraction(POINTS.positions[0]))
        assert text.text == "front"


def page_of_answers(task: str) -> None:
    import streamlit as st

    from dashboard.ui.scan.answer import show_answer, show_placed
    from tests.ui.test_scan_answers import MASK, POINTS, Said, place

    shown = place({"segmentation": MASK, "landmarks": POINTS}[task], task)
    said = Said(shown.answer.prediction)
    said.reasons = ("trained on T1 MR patches of the brain, this is a CT scan",)
    said.seconds = type("Seconds", (), {"prepare": 0.1, "predict": 0.2})
    shown.__dict__["answer"] = said
    show_answer(shown)
    show_placed(shown)
    st.text("done")


def run(task):
    app = AppTest.from_function(page_of_answers, args=(task,), default_timeout=60).run()
    assert not app.exception
    assert app.text[-1].value == "done"
    return app, " ".join(m.value for m in app.markdown)


def test_the_page_says_the_volumes_of_a_mask_and_why_it_may_not_apply():
    app, words = run("segmentation")
    assert "this is a CT scan" in words
    assert "0.30 s" in words
    each = abs(np.linalg.det(AFFINE[:3, :3]))
    said = " ".join(html.proto.body for html in app.get("html"))
    assert f"anterior: {36 * each:.4g} mm³" in said
    assert f"posterior: {4 * each:.4g} mm³" in said


def test_a_press_on_a_landmark_goes_there():
    app, _ = run("landmarks")
    world = AFFINE[:3, :3] @ POINTS.positions[1] + AFFINE[:3, 3]
    button = next(b for b in app.button if b.label.startswith("back"))
    assert ", ".join(f"{v:.1f}".replace("-", "−") for v in world) in button.label
    button.click().run()
    assert app.session_state["view"].position == (9.0, 1.0, 8.0)


def test_a_table_of_regions_leaves_out_what_is_no_number():
    from dashboard.analysis.regions import Region

    nothing = Region(0, 0.0, *(float("nan"),) * 4)
    lines = numbers_csv({"a": Region(2, 3.0, 1.5, 0.5, 1.0, 2.0), "b": nothing}).decode().split()
    assert lines == [
        "region,voxels,volume_mm3,mean,std,min,max",
        "a,2,3,1.5,0.5,1,2",
        "b,0,0,,,,",
    ]
