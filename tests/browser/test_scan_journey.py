"""From a scan of one's own to a layer's map in another program: uploaded, explored, exported."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from tests.browser.visit import click_tile, place, rest, upload, visit, wait_for_place
from tests.data.readers.dicom_scans import MR, as_bytes, slice_set

pytestmark = pytest.mark.browser

SHAPE = (44, 40, 26)  # column, row, slice
STEPS = np.array([1.25, 1.5, 2.0])  # mm
BALL = np.array([30, 14, 15])  # voxel
RADIUS = 9.0  # mm


def oblique() -> np.ndarray:
    """Array index to RAS+ mm: turned about two axes, three different steps."""
    tilt, turn = np.deg2rad(20), np.deg2rad(-15)
    about_x = np.array(
        [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
    )
    about_z = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x @ np.diag([-1, -1, 1]) * STEPS
    affine[:3, 3] = (31, 22, -40)
    return affine


def values() -> np.ndarray:
    """A ball in a quiet background."""
    index = np.moveaxis(np.indices(SHAPE), 0, -1)
    far = np.linalg.norm((index - BALL) * STEPS, axis=-1)
    noise = np.random.default_rng(0).integers(0, 40, SHAPE)
    return np.where(far < RADIUS, 400, 100 + noise).astype(np.int16)


def dicom_series(folder: Path) -> list[Path]:
    """One file per slice, in LPS mm as DICOM has it, named against their order."""
    to_lps = np.diag([-1.0, -1, 1, 1]) @ oblique()
    across, down, along = (to_lps[:3, k] / STEPS[k] for k in range(3))
    volume, paths = values(), []
    for k in range(SHAPE[2]):
        origin = to_lps[:3, 3] + along * STEPS[2] * k
        dataset = slice_set(
            np.ascontiguousarray(volume[:, :, k].T),
            k,
            storage=MR,
            SeriesDescription="ball",
            ImagePositionPatient=[round(v, 6) for v in origin],
            ImageOrientationPatient=[round(v, 9) for v in (*across, *down)],
            PixelSpacing=[STEPS[1], STEPS[0]],
            SliceThickness=STEPS[2],
        )
        path = folder / f"IM{SHAPE[2] - k:03}"
        path.write_bytes(as_bytes(dataset))
        paths.append(path)
    return paths


def nifti(folder: Path) -> list[Path]:
    """The same scan as one compressed file."""
    path = folder / "ball.nii.gz"
    nibabel.save(nibabel.Nifti1Image(values(), oblique()), path)
    return [path]


@pytest.mark.parametrize("files", [dicom_series, pytest.param(nifti, marks=pytest.mark.slow)])
def test_a_layer_of_an_uploaded_scan_is_exported_where_it_belongs(
    page_desktop, app_url, tmp_path, files
):
    page = page_desktop
    visit(page, app_url, 60)
    upload(page, files(tmp_path), timeout=60)
    page.wait_for_url("**/scan?*", timeout=60_000)
    page.locator(".st-key-scan-planes img").nth(2).wait_for()
    rest(page, 60)
    click_tile(page, "scan-planes", "coronal", 0.6, 0.5)
    wait_for_place(page, position=r"\d+,\d+,\d+")
    crosshair = place(page)["position"]

    page.get_by_role("link", name="Open in the layer explorer").click()
    page.locator(".st-key-planes").wait_for(timeout=60_000)
    rest(page, 60)
    assert place(page)["position"] == crosshair
    page.locator('.st-key-network button.row[data-id="layer2"]').click()
    wait_for_place(page, layer=r"layer2\.1\.relu2")
    with page.expect_download() as waiting:
        page.locator(".st-key-save-atlas").get_by_role("button", name="NIfTI").click()

    image = nibabel.load(waiting.value.path().rename(tmp_path / "exported.nii.gz"))
    maps = np.asarray(image.dataobj)  # (i, j, k, channel)
    assert maps.ndim == 4
    assert_on_the_ball(maps, image.affine)


def assert_on_the_ball(maps: np.ndarray, affine: np.ndarray) -> None:
    """What differs from the background lies about the ball's centre, in mm."""
    inside = (slice(2, -2),) * 3  # zero padding shows at the border too
    quiet = np.median(maps[inside], axis=(0, 1, 2))
    unusual = np.abs(maps[inside] - quiet).sum(axis=-1)
    strong = np.where(unusual > 0.5 * unusual.max(), unusual, 0)
    middle = np.array(ndimage.center_of_mass(strong)) + 2
    found = affine[:3, :3] @ middle + affine[:3, 3]
    expected = oblique()[:3, :3] @ BALL + oblique()[:3, 3]
    unit = np.linalg.norm(affine[:3, :3], axis=0).max()
    assert np.linalg.norm(found - expected) < unit
