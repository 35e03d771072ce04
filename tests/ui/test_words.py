"""Numbers as people write them."""

import pytest

from dashboard.ui.words import THIN, literal, plain, relative


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.1235"),
        (157.0, "157"),
        (11880.0, f"11{THIN}880"),
        (3.4e38, "3.4e+38"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_a_stored_value_is_plain(value, text):
    assert plain(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.5, "+0.5"), (-0.13849, "\u22120.138")])
def test_a_signed_value_has_a_real_minus(value, text):
    assert relative(value) == text


def test_a_name_from_a_file_brings_no_markdown():
    assert literal("![x](http://h/y.png)") == r"\!\[x\]\(http\://h/y\.png\)"
    assert literal(":red[a] $b$") == r"\:red\[a\] \$b\$"
    assert literal("aVR") == "aVR"
