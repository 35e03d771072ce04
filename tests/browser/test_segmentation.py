"""The explorer over a segmenting network: the voxel's own answer, greyed where it may not apply."""

import numpy as np
import pytest

from dashboard.data.builtin import builtin
from tests.browser.visit import faults, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def address(app_url: str, world: tuple[float, float, float]) -> str:
    at = ",".join(f"{i:g}" for i in np.rint(builtin("brain").to_index(np.array(world))))
    return f"{app_url}/explorer?sample=brain&model=unet3d-hippocampus&layer=head&position={at}"


def test_the_answer_is_that_of_the_voxel_at_the_crosshair(page, app_url):
    visit(page, address(app_url, (26, -14, -20)), 120)
    page.get_by_text("anterior 1.00").first.wait_for(timeout=60_000)
    assert faults(page) == []
    visit(page, address(app_url, (30, -28, -10)), 120)
    page.get_by_text("posterior 1.00").first.wait_for(timeout=60_000)


def test_away_from_a_hippocampus_the_answer_says_why_not_to_believe_it(page, app_url):
    visit(page, address(app_url, (0, 0, 40)), 120)
    page.get_by_text("probably not what the network was trained on").first.wait_for(timeout=60_000)
    assert page.get_by_text("background 1.00").first.is_visible()
    assert faults(page) == []
