"""The Scan page as people use it: clicks, wheel, keys, mirrored planes, a file of one's own."""

import io
import re

import nibabel
import numpy as np
import pytest

from dashboard.data.builtin import builtin
from tests.browser.visit import click_tile, place, rest, upload, visit, wait_for_place

pytestmark = pytest.mark.browser

AXES = {"sagittal": 0, "coronal": 1, "axial": 2}


def position(page) -> list[int]:
    return [int(float(v)) for v in place(page)["position"].split(",")]


def wait_for_voxel(page, *voxel) -> None:
    wait_for_place(page, position=",".join(str(v) for v in voxel))


def letters(page, plane) -> str:
    """The letters of a plane: left, right, top, bottom."""
    return "".join(
        page.locator(f'.st-key-scan-planes [data-id="{plane}"] .letter').all_inner_texts()
    )


def source(page, plane) -> str:
    return page.locator(f'.st-key-scan-planes [data-id="{plane}"] img').first.get_attribute("src")


def nifti(values, affine) -> dict:
    image = nibabel.Nifti1Image(values, affine)
    return {
        "name": "computed.nii",
        "mimeType": "application/octet-stream",
        "buffer": image.to_bytes(),
    }


def test_a_click_in_one_plane_moves_the_others(page_desktop, app_url):
    page = page_desktop
    visit(page, f"{app_url}/scan", 60)
    before = {plane: source(page, plane) for plane in AXES}
    j = round(builtin("brain").position[1])
    click_tile(page, "scan-planes", "coronal", 0.7, 0.3)
    wait_for_place(page, position=rf"\d+,{j},\d+")
    shape = builtin("brain").shape
    # The brain's axes run to the right, the front and the head: fractions are voxels.
    wanted = (0.7 * shape[0] - 0.5, j, (1 - 0.3) * shape[2] - 0.5)
    np.testing.assert_allclose(position(page), wanted, atol=1.5)
    page.wait_for_timeout(300)
    after = {plane: source(page, plane) for plane in AXES}
    assert after["coronal"] == before["coronal"]
    assert after["axial"] != before["axial"]
    assert after["sagittal"] != before["sagittal"]
    assert letters(page, "axial") == "LRAP"


@pytest.mark.slow
def test_wheel_and_keys_go_through_the_slices(page_desktop, app_url):
    page = page_desktop
    i, j, k = (round(p) for p in builtin("brain").position)
    visit(page, f"{app_url}/scan?sample=brain&position={i},{j},{k}", 60)
    frame = page.locator('.st-key-scan-planes [data-id="axial"] button')
    frame.hover()
    page.mouse.wheel(0, -100)
    wait_for_voxel(page, i, j, k + 1)
    page.mouse.wheel(0, 100)
    wait_for_voxel(page, i, j, k)
    frame.focus()
    for key, slice_number in (("ArrowDown", k - 1), ("PageUp", k + 9), ("Home", 0)):
        page.keyboard.press(key)
        wait_for_voxel(page, i, j, slice_number)
    slider = page.get_by_role("slider", name="coronal slice")
    slider.focus()
    page.keyboard.press("ArrowRight")
    wait_for_voxel(page, i, j + 1, 0)


@pytest.mark.slow
def test_radiological_planes_are_mirrored_and_so_are_their_clicks(page, app_url):
    visit(page, f"{app_url}/scan?sample=brain", 60)
    page.get_by_role("radio", name="radiological").click()
    page.locator('.st-key-scan-planes [data-id="axial"] .west', has_text="R").wait_for()
    rest(page)
    assert letters(page, "coronal") == "RLSI"
    assert letters(page, "sagittal") == "PASI"
    click_tile(page, "scan-planes", "axial", 0.25, 0.5)
    wait_for_place(page, position=r"1[45]\d,.*")  # of 197: on the right of the body


@pytest.mark.slow
def test_the_planes_are_there_again_after_a_look_at_another_page(page_desktop, app_url):
    page = page_desktop
    visit(page, f"{app_url}/scan?sample=brain", 60)
    page.get_by_role("radio", name="radiological").click()
    page.locator('.st-key-scan-planes [data-id="axial"] .west', has_text="R").wait_for()
    rest(page)
    page.get_by_role("link", name="Home").first.click()
    page.get_by_text("Your own file").wait_for()
    page.get_by_role("link", name="Scan", exact=True).first.click()
    page.locator('.st-key-scan-planes [data-id="axial"] .west', has_text="R").wait_for()
    page.locator(".st-key-scan-planes img[src]").nth(2).wait_for()


@pytest.mark.slow
def test_a_nifti_of_ones_own_lands_here_with_its_values_and_a_region(page_desktop, app_url):
    page = page_desktop
    values = np.full((30, 40, 20), -1000, np.int16)
    values[5:25, 5:35, 3:17] = 60
    affine = np.diag([-0.8, 0.8, 2.0, 1.0])
    affine[:3, 3] = (12, -16, -20)
    visit(page, app_url, 60)
    upload(page, [nifti(values, affine)], timeout=60)
    page.wait_for_url("**/scan?*", timeout=60_000)
    page.locator(".st-key-scan-planes img").nth(2).wait_for()
    rest(page, 60)
    assert re.fullmatch(r"[0-9a-f]{32}", place(page)["sample"])
    body = page.locator("body").inner_text()
    assert "60 HU" in body  # the value in the middle
    assert "0.8 × 0.8 × 2 mm" in body
    assert "window −160 to 240 HU" in body
    assert "this is a CT scan" in body  # the answer's reason
    slider = page.get_by_role("slider", name="Region, radius (mm)")
    slider.focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    page.get_by_text("sphere, radius 4 mm").wait_for()
    rest(page)
    with page.expect_download() as caught:
        page.locator(".st-key-save-region button").first.click()
    rows = caught.value.path().read_text().splitlines()
    numbers = dict(zip(rows[0].split(","), rows[1].split(","), strict=True))
    offsets = np.stack(np.meshgrid(*[np.arange(-9, 10)] * 3, indexing="ij"), -1) * (0.8, 0.8, 2)
    inside = int((np.linalg.norm(offsets, axis=-1) <= 4).sum())
    assert int(numbers["voxels"]) == inside
    assert float(numbers["mean"]) == 60
    assert float(numbers["std"]) == 0


@pytest.mark.slow
def test_a_mask_of_ones_own_lies_over_a_scan_on_another_grid(page_desktop, app_url):
    page = page_desktop
    brain = builtin("brain")
    centre = brain.to_world(np.array(brain.position))
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[5:15, 5:15, 5:15] = 3
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = centre - 30
    visit(page, app_url, 60)
    upload(page, [nifti(labels, affine)], timeout=60)
    page.wait_for_url("**/scan?*", timeout=60_000)
    rest(page, 60)
    page.locator('[data-testid="stPopover"] button').first.click()
    page.get_by_role("button", name="Average brain, MR").click()
    wait_for_place(page, sample="brain")
    page.get_by_role("combobox", name="Over the scan").click()
    page.get_by_role("option", name="computed").first.click()
    page.get_by_text("label 3").first.wait_for()  # of the voxel under the crosshair
    page.get_by_text("Numbers per label").click()
    page.locator(".st-key-save-labels").wait_for()
    rest(page)
    with page.expect_download() as caught:
        page.locator(".st-key-save-labels button").first.click()
    row = caught.value.path().read_text().splitlines()[1].split(",")
    assert row[:3] == ["label 3", "1000", "27000"]
    near = np.rint(brain.to_index(np.argwhere(labels) * 3.0 + affine[:3, 3])).astype(int)
    assert float(row[3]) == pytest.approx(brain.values((0, *near.T)).mean(), rel=1e-6)
    buffer = io.BytesIO()
    with page.expect_download() as caught:
        page.locator(".st-key-save-planes button").first.click()
    buffer.write(caught.value.path().read_bytes())
    assert buffer.getvalue()[:4] == b"\x89PNG"
