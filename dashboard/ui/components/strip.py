"""The network strip: input, folded stages and the layers of the open one, each with its spark."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import streamlit as st

FOLDER = Path(__file__).parent
BARS = 24  # bars of a spark; wider layers share them


@dataclass(frozen=True)
class StripRow:
    """A layer or stage: `shape` and `field` as text, `spark` the mean activity per channel, 0..1.

    Rows with a `parent` (id of a `stage` row) are hidden while that stage is folded; `open` says
    how a stage starts, afterwards the reader folds it in the browser.
    """

    id: str
    name: str
    shape: str = ""
    field: str = ""
    spark: tuple[float, ...] = ()
    parent: str = ""
    stage: bool = False
    open: bool = False
    chosen: bool = False


_view = st.components.v2.component(
    "convscope_strip",
    html='<nav class="strip" aria-label="network"></nav>',
    css=(FOLDER / "strip.css").read_text(encoding="utf-8"),
    js=(FOLDER / "strip.js").read_text(encoding="utf-8"),
)


def strip(
    key: str, rows: Sequence[StripRow], *, on_choice: Callable[[str], None] | None = None
) -> str | None:
    """Draw the strip; returns the id of a row in the one run its click caused.

    `on_choice` runs before the page does.
    """

    def chosen() -> None:
        if on_choice and (value := st.session_state[key].get("choice")):
            on_choice(value)

    result = _view(key=key, data={"rows": [asdict(row) for row in rows]}, on_choice_change=chosen)
    return result.choice


def spark(activity: np.ndarray) -> tuple[float, ...]:
    """Mean activity per channel (C,) as at most BARS heights in 0..1, the largest being 1."""
    activity = np.abs(np.nan_to_num(np.asarray(activity, dtype=float)))
    if not activity.size:
        return ()
    groups = np.array_split(activity, min(BARS, len(activity)))
    heights = np.array([group.mean() for group in groups])
    return tuple((heights / (heights.max() or 1.0)).round(3).tolist())
