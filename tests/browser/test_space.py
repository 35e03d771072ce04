"""A scan and a channel in space: the explorer's surface, the Scan page's views, exported NIfTI."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from dashboard.data.builtin import builtin
from tests.browser.visit import click_tile, place, rest, visit, wait_for_place

pytestmark = pytest.mark.browser

SCENE = '[class*="st-key-{}-"] .js-plotly-plot'
MESHES = "chart => chart._fullData.filter(t => t.type === 'mesh3d').map(t => [t.name, t.x.length])"
EYE = "chart => chart._fullLayout.scene._scene.getCamera().eye"


def choose(page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    page.wait_for_timeout(300)  # the run starts a moment after the click
    rest(page, 60)


def test_a_channel_is_shown_as_a_surface_inside_the_scan(page_desktop, app_url):
    page = page_desktop
    visit(page, f"{app_url}/explorer?sample=brain", 60)
    choose(page, "surface")
    chart = page.locator(SCENE.format("solid")).first
    chart.wait_for()
    meshes = dict(chart.evaluate(MESHES))
    assert "scan" in meshes
    assert len(meshes) >= 2  # the scan, and at least one side of the channel


@pytest.mark.slow
def test_a_turn_survives_another_channel(page_desktop, app_url):
    page = page_desktop
    visit(page, f"{app_url}/explorer?sample=brain", 60)
    choose(page, "surface")
    chart = page.locator(SCENE.format("solid")).first
    chart.wait_for()
    box = chart.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = chart.evaluate(EYE)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y + 15, steps=6)
    page.mouse.up()
    page.wait_for_timeout(1000)
    turned = chart.evaluate(EYE)
    assert abs(turned["x"] - before["x"]) > 0.1
    click_tile(page, "atlas", "5")
    wait_for_place(page, channel="5")
    page.wait_for_timeout(1500)
    again = page.locator(SCENE.format("solid")).first.evaluate(EYE)
    np.testing.assert_allclose(list(again.values()), list(turned.values()), atol=0.01)
    with page.expect_download() as waiting:
        page.locator(".st-key-save-stage").get_by_role("button", name="PNG").click()
    pixels = np.asarray(Image.open(waiting.value.path()).convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50  # a shaded picture, not a blank one


@pytest.mark.slow
def test_an_exported_channel_lies_on_the_scan(page_desktop, app_url, tmp_path):
    page = page_desktop
    visit(page, f"{app_url}/explorer?sample=brain&layer=layer2.0.relu2&channel=3", 60)
    with page.expect_download() as waiting:
        page.locator(".st-key-save-stage").get_by_role("button", name="NIfTI").click()
    path = Path(tmp_path) / waiting.value.suggested_filename
    waiting.value.save_as(path)
    image, scan = nibabel.load(path), builtin("brain")
    assert path.name == "layer2.0.relu2-3.nii.gz"
    # Layer2 has stride 4 and its first unit within 4 voxels of the first voxel.
    spacing = np.linalg.norm(image.affine[:3, :3], axis=0)
    np.testing.assert_allclose(spacing, 4 * np.array(scan.spacing))
    first = scan.to_index(image.affine[:3, 3])
    assert (np.abs(first) < 4).all()
    last = scan.to_index((image.affine @ (*np.array(image.shape) - 1, 1))[:3])
    assert (np.abs(last - np.array(scan.shape)) < 5).all()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)
def test_the_scan_has_a_surface_and_a_rendering_that_turns(page, app_url):
    visit(page, f"{app_url}/scan?sample=brain", 60)
    choose(page, "Surface")
    chart = page.locator(SCENE.format("scan-solid")).first
    chart.wait_for()
    ((_, vertices),) = chart.evaluate(MESHES)
    assert vertices > 5000
    choose(page, "Volume")
    shaded = page.locator('.st-key-scan-rendered [data-id="shaded"] img').first
    before = shaded.get_attribute("src")
    page.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    rest(page)
    assert shaded.get_attribute("src") != before


@pytest.mark.slow
def test_a_click_in_niivue_moves_the_crosshair(page_desktop, app_url):
    page = page_desktop
    page.set_default_timeout(120_000)  # software rendering of a volume
    visit(page, f"{app_url}/scan?sample=brain", 60)
    choose(page, "NiiVue")
    canvas = page.frame_locator("iframe").locator("canvas")
    canvas.wait_for()
    page.wait_for_timeout(5000)
    assert "position" not in place(page)  # that it has loaded is no click
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    wait_for_place(page, timeout=120, position=r"[\d.]+,[\d.]+,[\d.]+")
    x, _, z = builtin("brain").to_world([float(v) for v in place(page)["position"].split(",")])
    assert 10 < x < 50  # right of the middle of the coronal plane, where left is left
    assert -30 < z < 20
    choose(page, "Planes")
    click_tile(page, "scan-planes", "coronal", 0.4, 0.4)
    rest(page)
