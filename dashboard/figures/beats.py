"""The beats of a window as marks of their class: shape and letter always, colour besides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.figures.theme import AXIS_TITLE, Theme, class_colour, class_mark


@dataclass(frozen=True)
class BeatMarks:
    """Beats to draw: `times` (B,) s ascending, one class letter each, optional `scores` (B,).

    `differs` (B,) bool marks those that disagree with what they are compared with, `by_hand` (B,)
    those that a person changed, `unsure` (B,) those whose class is in doubt; `row` names their row
    where it is not the usual one.
    """

    times: np.ndarray
    symbols: Sequence[str] | np.ndarray
    scores: np.ndarray | None = None
    differs: np.ndarray | None = None
    by_hand: np.ndarray | None = None
    unsure: np.ndarray | None = None
    row: str = ""

    def __len__(self) -> int:
        return len(self.times)

    def within(self, low: float, high: float) -> "BeatMarks":
        """The beats from `low` to `high`, s."""
        first, last = np.searchsorted(self.times, (low, high))
        cut = slice(int(first), int(last))
        return BeatMarks(
            np.asarray(self.times)[cut],
            [str(symbol) for symbol in self.symbols[cut]],
            None if self.scores is None else np.asarray(self.scores)[cut],
            None if self.differs is None else np.asarray(self.differs)[cut],
            None if self.by_hand is None else np.asarray(self.by_hand)[cut],
            None if self.unsure is None else np.asarray(self.unsure)[cut],
        )


def beat_row(
    beats: BeatMarks,
    window: tuple[float, float],
    theme: Theme,
    *,
    level: float,
    letter: float = 0.0,
) -> list[dict[str, Any]]:
    """Traces: marks in class colours with the letter in ink beside them, at height `level`.

    One made by hand has an outline in ink, an unsure one a question mark. An N whose next beat is
    nearer than `letter` (s), the room that a letter needs, is a mark alone.
    """
    shown = beats.within(*window)
    if not len(shown):
        return []
    room_after = np.append(np.diff(shown.times), np.inf)
    doubt = np.zeros(len(shown), bool) if shown.unsure is None else shown.unsure
    words = [f"{s}?" if d else s for s, d in zip(shown.symbols, doubt, strict=True)]
    marker = {
        "symbol": [class_mark(symbol) for symbol in shown.symbols],
        "color": [class_colour(symbol, theme) for symbol in shown.symbols],
        "size": 9,
        "opacity": 1,
        "line": {
            "width": 0 if shown.by_hand is None else np.where(shown.by_hand, 1.5, 0.0),
            "color": theme.ink,
        },
    }
    return [
        {
            "type": "scatter",
            "x": shown.times,
            "y": np.full(len(shown), level, np.float32),
            "mode": "markers+text",
            "marker": marker,
            "selected": {"marker": {"opacity": 1}},
            "unselected": {"marker": {"opacity": 1}},
            "text": [
                "" if word == "N" and room < letter else word
                for word, room in zip(words, room_after, strict=True)
            ],
            "hovertext": words,
            "textposition": "middle right",
            "textfont": {"size": AXIS_TITLE, "color": theme.ink},
            "name": "beats",
            **_hover(shown),
        }
    ]


def reference_row(
    beats: BeatMarks, window: tuple[float, float], theme: Theme, *, level: float
) -> list[dict[str, Any]]:
    """Traces: quiet letters; one that disagrees is bold and boxed in its class colour."""
    shown = beats.within(*window)
    differs = np.zeros(len(shown), bool) if shown.differs is None else shown.differs
    traces = []
    for at, boxed in ((np.flatnonzero(~differs), False), (np.flatnonzero(differs), True)):
        if len(at):
            symbols = [shown.symbols[k] for k in at]
            traces.append(_letters(shown.times[at], symbols, level, boxed, theme))
    return traces


def label_row(
    labels: BeatMarks, window: tuple[float, float], theme: Theme, *, level: float
) -> list[dict[str, Any]]:
    """Traces: words to the right of where they begin to hold; the one that holds at the left edge.

    A word too close to the next one to be read gives way.
    """
    shown = labels.within(*window)
    times, words = list(shown.times), list(shown.symbols)
    earlier = int(np.searchsorted(labels.times, window[0]))
    if earlier and (not times or times[0] > window[0]):
        times, words = [window[0], *times], [str(labels.symbols[earlier - 1]), *words]
    room = (window[1] - window[0]) / 25
    ends = [*times[1:], np.inf]
    kept = [k for k in range(len(times)) if ends[k] - times[k] >= room]
    if not kept:
        return []
    return [
        {
            "type": "scatter",
            "x": [float(times[k]) for k in kept],
            "y": np.full(len(kept), level, np.float32),
            "mode": "text",
            "text": [f"▏{words[k]}" for k in kept],
            "textposition": "middle right",
            "textfont": {"size": AXIS_TITLE, "color": theme.ink},
            "hovertemplate": "%{text} from %{x:.2f} s<extra></extra>",
            "name": "rhythm",
        }
    ]


def _letters(
    times: np.ndarray, symbols: list[str], level: float, boxed: bool, theme: Theme
) -> dict[str, Any]:
    box = {
        "symbol": "square-open",
        "size": 15,
        "color": [class_colour(symbol, theme) for symbol in symbols],
        "line": {"width": 1.5},
    }
    opaque = {"marker": {"opacity": 1}}
    return {
        "type": "scatter",
        "x": times,
        "y": np.full(len(times), level, np.float32),
        "mode": "markers+text" if boxed else "text",
        "text": [f"<b>{symbol}</b>" for symbol in symbols] if boxed else symbols,
        "textposition": "middle center",
        "textfont": {"size": AXIS_TITLE, "color": theme.ink if boxed else theme.quiet},
        "hovertemplate": "reference %{text}, %{x:.2f} s<extra></extra>",
        "name": "differing reference" if boxed else "reference",
        **({"marker": box, "selected": opaque, "unselected": opaque} if boxed else {}),
    }


def _hover(beats: BeatMarks) -> dict[str, Any]:
    if beats.scores is None:
        return {"hovertemplate": "%{hovertext}, %{x:.2f} s<extra></extra>"}
    return {
        "customdata": np.asarray(beats.scores, np.float32),
        "hovertemplate": "%{hovertext}, %{x:.2f} s<br>p %{customdata:.2f}<extra></extra>",
    }
