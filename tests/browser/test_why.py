"""Why an answer was given: maps over scan, picture and signal, chosen, moved and saved."""

import io
import re

import nibabel
import numpy as np
import pytest

from dashboard.data.builtin import builtin
from tests.browser.visit import (
    click_figure,
    click_tile,
    number,
    rest,
    visit,
    wait_for_place,
)

pytestmark = pytest.mark.browser

at_both_widths = pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)


def pick(page, label: str, option: str) -> None:
    """Choose an option of a select box of Why."""
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()
    page.wait_for_timeout(200)
    rest(page, 60)


def caption(page) -> str:
    """The line under the map."""
    return page.locator(".st-key-save-why").first.inner_text()


def saved(page, word: str) -> bytes:
    """What a word under the map saves."""
    with page.expect_download() as waiting:
        page.locator(".st-key-save-why").get_by_role("button", name=word, exact=True).click()
    with open(waiting.value.path(), "rb") as file:
        return file.read()


def test_a_map_lies_over_the_scan_and_another_class_is_one_click_away(page_desktop, app_url):
    page = page_desktop
    visit(page, f"{app_url}/explorer?sample=brain&show=why", 120)
    assert re.search(r"layer3\S+ · Grad-CAM · anterior \+[\d.]+ · ", caption(page))
    page.locator(".st-key-tight-why-answers").get_by_role("button", name="posterior").click()
    wait_for_place(page, answer="posterior", show="why")
    assert "posterior" in caption(page)
    assert page.locator('.st-key-planes [data-id="axial"] .picture img').count() == 2


@pytest.mark.slow
@at_both_widths
def test_maps_and_why_are_one_click_apart_and_in_the_link(page, app_url):
    visit(page, f"{app_url}/explorer?sample=digit", 60)
    page.get_by_role("radio", name="Why", exact=True).click()
    wait_for_place(page, show="why")
    assert "s4 · Grad-CAM · 5" in caption(page)  # the last maps of the network
    pick(page, "Method", "HiResCAM")
    wait_for_place(page, show="why", method="HiResCAM")
    pick(page, "Class", "8")
    wait_for_place(page, show="why", method="HiResCAM", answer="8")
    assert re.search(r"HiResCAM · 8 [−+]", caption(page))
    click_tile(page, "atlas", "9")
    wait_for_place(page, channel="9", show="why")
    page.get_by_role("radio", name="Maps", exact=True).click()
    page.wait_for_url(lambda address: "show=" not in address)


@pytest.mark.slow
def test_a_saved_map_opens_aligned_with_the_scan(page_desktop, app_url):
    page, sample = page_desktop, builtin("brain")
    visit(
        page, f"{app_url}/explorer?sample=brain&show=why&method=LayerCAM&layer=layer1.0.relu2", 60
    )
    with np.load(io.BytesIO(saved(page, "NPZ"))) as kept:
        values, to_sample = kept["map"], kept["index_to_sample"]
        np.testing.assert_allclose(kept["parts"].sum(axis=0), values, atol=1e-6)
    image = nibabel.Nifti1Image.from_bytes(_unpacked(saved(page, "NIfTI")))
    np.testing.assert_array_equal(np.asarray(image.dataobj, np.float32), values)
    best = np.array(np.unravel_index(values.argmax(), values.shape))
    world = nibabel.affines.apply_affine(image.affine, best)
    expected = sample.to_world(nibabel.affines.apply_affine(to_sample, best))
    np.testing.assert_allclose(world, expected, atol=1e-3)
    # The first of the strongest places is that voxel, in mm.
    told = page.locator(".st-key-tight-why-peaks button").first.inner_text()
    shown = [number(text) for text in told[told.index("(") + 1 : told.index(")")].split(",")]
    np.testing.assert_allclose(shown, world, atol=0.51)
    page.locator(".st-key-tight-why-peaks button").first.click()
    found = wait_for_place(page, position=r"[\d.]+,[\d.]+,[\d.]+", show="why")
    moved = sample.to_world([float(v) for v in found["position"].split(",")])
    np.testing.assert_allclose(moved, world, atol=0.6)


def _unpacked(data: bytes) -> bytes:
    import gzip

    return gzip.decompress(data)


@pytest.mark.slow
@at_both_widths
def test_a_click_in_the_enlarged_patch_moves_the_crosshair_within_it(page, app_url):
    sample = builtin("brain")
    visit(page, f"{app_url}/explorer?sample=brain&show=why", 60)
    click_tile(page, "patch", "coronal", 0.9, 0.1)
    found = wait_for_place(page, position=r"[\d.]+,[\d.]+,[\d.]+")
    moved = np.array([float(v) for v in found["position"].split(",")])
    step = sample.to_world(moved) - sample.to_world(np.rint(sample.position))
    assert 3 < step[0] <= 10  # to the right of the picture: R
    assert 3 < step[2] <= 10  # up: S
    assert abs(step[1]) < 1


@pytest.mark.slow
@at_both_widths
def test_a_beat_is_explained_over_the_signal(page, app_url):
    visit(page, f"{app_url}/explorer?sample=ecg&show=why", 60)
    assert "HiResCAM · N or S" in caption(page)
    page.locator(".st-key-tight-why-answers").get_by_role("button", name="V").first.click()
    wait_for_place(page, answer="V")
    click_figure(page, "why-map", x=6.1, y=7, yaxis="yaxis3")
    wait_for_place(page, answer="V", channel="[678]", show="why")


@pytest.mark.slow
def test_a_map_is_compared_with_that_of_random_weights(page_desktop, app_url):
    page = page_desktop
    visit(page, f"{app_url}/explorer?sample=digit&show=why&method=LayerCAM", 60)
    page.get_by_role("button", name="Compare with random weights").click()
    page.get_by_text("rank correlation").first.wait_for(timeout=30_000)
    text = page.get_by_text("rank correlation").first.inner_text()
    assert -1 <= number(text.split("correlation")[1]) <= 1
    pick(page, "Method", "Grad-CAM")  # another map has not been compared
    assert page.get_by_role("button", name="Compare with random weights").is_visible()


@pytest.mark.slow
def test_a_network_without_training_is_explained_with_a_note(page_desktop, app_url):
    visit(page_desktop, f"{app_url}/explorer?sample=digit&model=lenet5&show=why", 60)
    assert "lenet5 (random weights)" in caption(page_desktop)
