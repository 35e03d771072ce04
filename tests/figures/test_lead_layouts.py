"""Which lead lies where, and what is said of those that are missing."""

import pytest

from dashboard.figures.lead_layouts import (
    LAYOUTS,
    STANDARD,
    can_show,
    layout_named,
    missing_leads,
    pieces,
    standard_name,
)


def test_three_by_four_reads_in_columns_of_standard_order():
    laid = pieces(layout_named("3×4"), STANDARD, (0.0, 10.0))
    grid = {(p.row, p.start): p.name for p in laid}
    in_columns = [grid[row, 2.5 * column] for column in range(4) for row in range(3)]
    assert in_columns == list(STANDARD)
    assert (laid[-1].name, laid[-1].row, laid[-1].start, laid[-1].end) == ("II", 3, 0.0, 10.0)


def test_six_by_two_has_limb_leads_left_and_chest_leads_right():
    laid = pieces(layout_named("6×2"), STANDARD, (4.0, 14.0))
    assert [p.name for p in laid if p.start == 4.0] == list(STANDARD[:6])
    assert [p.name for p in laid if p.start == 9.0] == list(STANDARD[6:])


@pytest.mark.parametrize("layout", LAYOUTS[1:], ids=lambda layout: layout.name)
def test_every_lead_of_a_layout_shows_its_own_channel_whatever_the_order(layout):
    channels = [f"Lead {name.lower()}" for name in reversed(STANDARD)]
    for piece in pieces(layout, channels, (0.0, 10.0)):
        assert channels[piece.channel] == f"Lead {piece.name.lower()}"
    assert missing_leads(layout, channels) == ()


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        ("II", "II"),
        ("avr", "aVR"),
        ("MDC_ECG_LEAD_V3", "V3"),
        ("ECG I", "I"),
        ("MLII", None),
        ("V1-V2", None),
        ("ABP", None),
    ],
)
def test_names_as_files_write_them(channel, name):
    assert standard_name(channel) == name


def test_missing_leads_are_named_and_too_few_are_no_layout():
    layout = layout_named("3×4")
    assert missing_leads(layout, STANDARD[:8]) == ("V3", "V4", "V5", "V6")
    assert can_show(layout, STANDARD[:8])
    assert not can_show(layout, ("MLII", "V1"))
    assert can_show(layout_named("stack"), ("MLII", "V1"))
    assert layout_named("something else").name == "stack"
