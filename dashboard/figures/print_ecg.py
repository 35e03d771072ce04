"""A window of an ECG as a page for the printer: A4 landscape, 25 mm/s, 10 mm/mV in true size.

Drawn by matplotlib, which is loaded only when a page is asked for: SVG, PDF, or PNG at 300 dpi,
without a browser. Printed at 100 %, a coarse square is 5 mm wide.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dashboard.figures.beats import BeatMarks
from dashboard.figures.paper_rows import Lead, Stack, stack_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 297.0, 210.0  # mm
LEFT, RIGHT, BOTTOM, TOP = 12.0, 10.0, 14.0, 21.0  # mm around the paper: 275 by 175
MM_PER_SECOND, MM_PER_MV = 25.0, 10.0
PULSE = 10.0  # mm before the first sample: the calibration pulse
BEATS = 5.0  # mm over the rows: the letters of the beats
LONGEST = 10.4  # s that fit beside each other
DPI = 300  # of PNG
MM = 72 / 25.4  # points
FORMATS = {"PDF": "application/pdf", "SVG": "image/svg+xml", "PNG": "image/png"}
FINE, COARSE, INK, QUIET = "#F3D9D7", "#E3AAA6", "#10171A", "#55636D"
NOTE = "Research and teaching; not a medical device."


@dataclass(frozen=True)
class PrintWords:
    """The lines of the page: `title` (sample, lead, time), `facts` (filters, scale, layout)."""

    title: str
    facts: str


def printed_window(window: tuple[float, float]) -> tuple[float, float]:
    """The part of a window (s) that fits a page in true size: its first 10.4 s."""
    return window[0], min(window[1], window[0] + LONGEST)


def ecg_page(
    leads: Sequence[Lead],
    window: tuple[float, float],
    words: PrintWords,
    kind: str,
    *,
    beats: BeatMarks | None = None,
) -> bytes:
    """A page of the leads over `window` (s, at most 10.4) as bytes of `kind`: PDF, SVG or PNG.

    Rows that do not fit below each other in 10 mm/mV move closer and reach into each other; the
    scale stays. Raises KeyError for another kind, ValueError for a longer window.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    mime = FORMATS[kind]
    if window[1] - window[0] > LONGEST + 1e-6:
        raise ValueError(f"got {window[1] - window[0]:g} s, expected at most {LONGEST:g} s")
    settings = {"svg.fonttype": "none", "svg.hashsalt": "page", "pdf.fonttype": 42}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(WIDTH / 25.4, HEIGHT / 25.4), dpi=DPI)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
        axes.axis("off")
        _draw_page(axes, [lead.within(window) for lead in leads], window, words, beats)
        out = io.BytesIO()
        dates = {"image/png": {}, "application/pdf": {"CreationDate": None}}.get(
            mime, {"Date": None}
        )
        figure.savefig(out, format=kind.lower(), dpi=DPI, metadata=dates)
    return out.getvalue()


def _draw_page(
    axes: "Axes",
    leads: Sequence[Lead],
    window: tuple[float, float],
    words: PrintWords,
    beats: BeatMarks | None,
) -> None:
    """All of the page in mm from its lower left corner."""
    _draw_squares(axes)
    start = LEFT + PULSE
    stack = stack_of(leads, MM_PER_MV)
    middles = _rows_mm(stack)
    for k, lead in enumerate(leads):
        middle, median = middles[stack.rows[k]], stack.middles[stack.rows[k]] - stack.offsets[k]
        x = start + (lead.trace.start - window[0]) * MM_PER_SECOND
        missing = "" if len(lead.trace) else ": not recorded"
        later = x > start + 1
        place = (x + 1, middle + 6) if later else (LEFT + 3, middle - 5)
        _write(axes, *place, f"{lead.name[:12]}{missing}", 9, INK, weight="bold")
        if not len(lead.trace):
            continue
        times = x + np.arange(len(lead.trace)) * lead.trace.step * MM_PER_SECOND
        for series, opacity in ((lead.before, 0.35), (lead.trace, 1.0)):
            if series is not None and len(series) == len(times):
                base = median if series is lead.trace else float(np.nanmedian(series.values))
                y = middle + (series.values - base) * MM_PER_MV
                style = {"color": INK, "linewidth": 0.28 * MM, "alpha": opacity}
                axes.plot(times, y, solid_joinstyle="round", **style)
        if later:
            axes.plot([x, x], [middle - 3, middle + 3], color=INK, linewidth=0.2 * MM)
    for middle in middles:
        x = start + np.array([-7, -6, -6, -1, -1, 0])  # 5 mm wide: 0.2 s
        y = middle + MM_PER_MV * np.array([0, 0, 1, 1, 0, 0])
        axes.plot(x, y, color=INK, linewidth=0.28 * MM, gid="calibration pulse")
    _draw_beats(axes, window, start, beats)
    _write(axes, LEFT, HEIGHT - 12, words.title[:110], 11, INK, weight="bold")
    _write(axes, LEFT, HEIGHT - 17, words.facts[:180], 8, QUIET)
    _write(axes, LEFT, 8, "25 mm/s, 10 mm/mV when printed at 100 %", 8, QUIET)
    _write(axes, WIDTH - RIGHT, 8, NOTE, 8, QUIET, ha="right")


def _write(axes: "Axes", x: float, y: float, text: str, size: int, colour: str, **style) -> None:
    """Text as it is: a dollar sign in a name is no formula."""
    axes.text(x, y, text, size=size, color=colour, parse_math=False, **style)


def _draw_squares(axes: "Axes") -> None:
    """1 mm and 5 mm lines from the lower left corner of the paper."""
    from matplotlib.collections import LineCollection

    right, top = WIDTH - RIGHT, HEIGHT - TOP
    for step, colour, width in ((1, FINE, 0.1), (5, COARSE, 0.2)):
        down = [[(x, BOTTOM), (x, top)] for x in np.arange(LEFT, right + 0.5, step)]
        across = [[(LEFT, y), (right, y)] for y in np.arange(BOTTOM, top + 0.5, step)]
        lines = LineCollection(down + across, colors=colour, linewidths=width * MM)
        lines.set_gid(f"{step} mm")
        axes.add_collection(lines)


def _rows_mm(stack: Stack) -> np.ndarray:
    """Height of every row's middle on the page, mm.

    As far from each other as stacked, with what room is left shared out between them; evenly
    where that would be too high.
    """
    count, top = len(stack.middles), HEIGHT - TOP - BEATS
    room = top - BOTTOM
    spare = room - (stack.top - stack.bottom) * MM_PER_MV
    rows = np.arange(count)
    if spare >= 0:
        return top - (stack.top - stack.middles) * MM_PER_MV - spare * (rows + 0.5) / count
    return top - room / count * (rows + 0.6)


def _draw_beats(
    axes: "Axes", window: tuple[float, float], start: float, beats: BeatMarks | None
) -> None:
    if beats is None:
        return
    shown = beats.within(*window)
    for time, symbol in zip(shown.times, shown.symbols, strict=True):
        x = start + (time - window[0]) * MM_PER_SECOND
        colour, weight = (QUIET, "normal") if symbol == "N" else (INK, "bold")
        style = {"ha": "center", "va": "top", "weight": weight}
        _write(axes, x, HEIGHT - TOP - 1, symbol, 8, colour, **style)
