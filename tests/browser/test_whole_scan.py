"""A network over a whole scan on the page: plan, run, cancel, and the map over the planes."""

import gzip
from dataclasses import replace

import nibabel
import numpy as np
import pytest

from dashboard.data.builtin import builtin
from dashboard.data.writers.nifti_file import nifti_bytes
from tests.browser.visit import rest, upload, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = "Run over the whole scan"


def part():
    """The brain about the left hippocampus as an uploaded file."""
    brain = builtin("brain")
    affine = brain.affine.copy()
    affine[:3, 3] = brain.to_world(np.array([55, 90, 35]))
    box = np.ascontiguousarray(brain.array[:, 55:91, 90:142, 35:71])
    data = nifti_bytes(replace(brain, array=box, affine=affine))
    return {"name": "part.nii.gz", "mimeType": "application/gzip", "buffer": data}, affine


def open_whole(page):
    page.get_by_text("Whole scan", exact=True).click()
    page.get_by_role("button", name=RUN).wait_for(timeout=90_000)
    rest(page, 60)


def test_the_map_of_an_uploaded_scan_is_drawn_and_reads_back_aligned(page, app_url, tmp_path):
    file, affine = part()
    visit(page, app_url, 60)
    upload(page, [file], timeout=90)
    page.wait_for_url("**/scan*", timeout=60_000)
    rest(page, 60)
    open_whole(page)
    told = page.locator("body").inner_text()
    assert "45 answers of 20 × 20 × 20 voxels, one every 8 mm · at most" in told
    page.get_by_role("button", name=RUN).click()
    page.get_by_text("patch by patch · 45 windows").wait_for(timeout=120_000)
    rest(page, 60)
    page.get_by_role("radio", name="anterior", exact=True).wait_for()  # a class to draw
    with page.expect_download() as download:
        page.locator(".st-key-save-whole").get_by_text("NIfTI").click()
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(download.value.path().read_bytes()))
    maps = image.get_fdata()
    assert maps.shape == (3, 5, 3, 3)
    np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-5)
    first = nibabel.affines.apply_affine(affine, (10, 10, 10))  # the middle of the first patch
    np.testing.assert_allclose(nibabel.affines.apply_affine(image.affine, (0, 0, 0)), first)


def test_a_cancelled_run_keeps_the_plan_and_draws_nothing(page_desktop, app_url):
    page = page_desktop
    visit(page, f"{app_url}/scan?sample=brain&model=resnet3d-hippocampus", 90)
    open_whole(page)
    page.get_by_role("button", name=RUN).click()
    page.get_by_role("button", name="Cancel").click(timeout=60_000)
    page.get_by_text("The run was cancelled; nothing of it is kept.").wait_for(timeout=60_000)
    rest(page, 60)
    assert page.get_by_role("button", name=RUN).is_visible()
    assert page.get_by_text("Probability of").count() == 0
