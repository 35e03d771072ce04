"""Windows of scans: the published numbers, and what a kind of scan opens with."""

import pytest

from dashboard.data.windows import FULL, from_centre, presets

# "Windowing (CT)", Radiopaedia: black and white as width and level of each entry give them.
PUBLISHED = {
    "brain": (0, 80),
    "stroke": (28, 36),
    "lung": (-1350, 150),
    "mediastinum": (-125, 225),
    "abdomen": (-150, 250),
    "liver": (-45, 105),
    "bone": (-500, 1300),
}


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_a_ct_window_has_the_published_black_and_white(name):
    found = next(preset for preset in presets("ct") if preset.name == name)
    assert (found.low, found.high) == PUBLISHED[name]


def test_a_brain_window_is_as_the_source_spells_it_out():
    # "a brain is W:80 L:40, therefore, all values above +80 will be white and below 0 black"
    assert from_centre(40, 80) == (0, 80)


@pytest.mark.parametrize(
    ("modality", "first"),
    [("ct", "soft tissue"), ("mr", "0.5–99.5 %"), ("mask", FULL), ("volume", FULL)],
)
def test_each_kind_of_scan_opens_with_its_own_window(modality, first):
    offered = presets(modality)
    assert offered[0].name == first
    assert len({preset.name for preset in offered}) == len(offered)
    assert FULL in {preset.name for preset in offered}
