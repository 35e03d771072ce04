"""How quick the app's server side is: landing, switching pages, a new window of a day's record."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from dashboard.analysis.benchmarks.timing import Measure, Unavailable
from dashboard.analysis.signal_filters import BEFORE_SECONDS, Filters, filtered_window
from dashboard.data.sample import Sample
from dashboard.data.synthetic import synthetic_ecg
from dashboard.figures.beats import BeatMarks
from dashboard.figures.overview import QualityStrip, ecg_overview
from dashboard.figures.signals import Lead, ecg_paper
from dashboard.figures.theme import LIGHT
from dashboard.figures.thin import Series

ROOT = Path(__file__).parents[2]
RATE = 128.0  # Hz
DAY = 24 * 3600.0  # s
WINDOWS = (10.0, 30.0, 300.0)  # s, the last is the longest the page shows
MOVES = 12  # windows per length

# Runs the landing page in a process of its own and tells whether torch was loaded. It ends where
# the page has been drawn and the cards begin to wait for torch, whose import is left out.
LANDING = """
import json, sys, threading, time
import streamlit
from streamlit.testing.v1 import AppTest
from dashboard.ui import shell
shell._warm_up = threading.main_thread
shell.wait_for_torch = streamlit.stop
started = time.perf_counter()
app = AppTest.from_file("dashboard/app.py", default_timeout=60).run()
seconds = time.perf_counter() - started
failed = bool(app.exception)
print(json.dumps({"torch": "torch" in sys.modules, "seconds": seconds, "failed": failed}))
"""

# Goes from page to page with the built-in ECG loaded; the first round wakes networks and caches.
SWITCHES = """
import json, time
from statistics import median
from streamlit.testing.v1 import AppTest
from dashboard.navigation import PAGES
app = AppTest.from_file("dashboard/app.py", default_timeout=60)
app.query_params["sample"] = "ecg"
seconds, failed = {row.title: [] for row in PAGES}, False
for turn in range(6):
    for row in PAGES:
        app.switch_page(row.path)
        started = time.perf_counter()
        app.run()
        seconds[row.title].append(time.perf_counter() - started)
        failed |= bool(app.exception)
print(json.dumps({"seconds": {k: median(v[1:]) for k, v in seconds.items()}, "failed": failed}))
"""


def landing(device: str) -> Iterator[Measure]:
    """The landing page does not import torch."""
    told = _told_by(LANDING)
    name, detail = "landing page imports torch (0 no, 1 yes)", f"first run {told['seconds']:.2f} s"
    yield Measure(name, float(told["torch"]), "", 0, detail=detail)


def page_switch(device: str) -> Iterator[Measure]:
    """Going to a page with everything warm: its script, without the browser's drawing."""
    for title, seconds in _told_by(SWITCHES)["seconds"].items():
        yield Measure(f"switch to {title}: server", seconds, "s", 0.5)


def _told_by(script: str) -> dict[str, Any]:
    """The JSON line a script prints at its end, run in a process of its own. Raises Unavailable."""
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise Unavailable(f"the app did not run: {ran.stderr.strip().splitlines()[-1]}")
    told = json.loads(ran.stdout.splitlines()[-1])
    if told["failed"]:
        raise Unavailable("a page showed an exception")
    return told


def window(device: str) -> Iterator[Measure]:
    """A new window of 24 h of 12 leads: figures of paper and overview, and their size as JSON."""
    sample, beats = twelve_lead_day()
    rates = 60 / np.diff(beats.times, prepend=beats.times[0] - 0.8)
    for length, filters in product(WINDOWS, (Filters(), Filters(True, 50, 40))):
        seconds, sizes = [], []
        for start in np.linspace(0, DAY - length, MOVES):
            started = perf_counter()
            paper = _paper(sample, beats, start, length, filters)
            sent = paper + _overview(beats, rates, start, length)
            seconds.append(perf_counter() - started)
            sizes.append(len(sent) / 1e3)
        name = f"24 h, 12 leads, a window of {length:g} s" + (", filtered" if filters else "")
        yield Measure(f"{name}: server", statistics.median(seconds) * 1e3, "ms", 50)
        yield Measure(f"{name}: sent", max(sizes), "kB", 150)


def _paper(sample: Sample, beats: BeatMarks, start: float, length: float, filters: Filters) -> str:
    span, step = (start, start + length), 1 / RATE
    first, raw, drawn = filtered_window(sample, range(len(sample.channels)), span, filters)
    pale = bool(filters) and length <= BEFORE_SECONDS
    leads = [
        Lead(
            name,
            Series(first / RATE, step, drawn[row]),
            first,
            before=Series(first / RATE, step, raw[row]) if pale else None,
        )
        for row, name in enumerate(sample.channels)
    ]
    measuring = bool(filters)  # with all tools on
    return ecg_paper(leads, span, theme=LIGHT, beats=beats, measuring=measuring).to_json()


def _overview(beats: BeatMarks, rates: np.ndarray, start: float, length: float) -> str:
    span = (start, start + length)
    quality = QualityStrip(np.zeros(8_640, np.int8), 10.0, np.arange(9.0), np.arange(9.0) + 1)
    drawn = ecg_overview(
        beats.times, beats.symbols, rates, span, duration=DAY, theme=LIGHT, quality=quality
    )
    return drawn.to_json()


def twelve_lead_day() -> tuple[Sample, BeatMarks]:
    """24 h of 12 leads at 128 Hz in int16 µV: a synthetic minute, repeated, and its beats."""
    minute = synthetic_ecg(60.0, RATE)
    stored = np.rint(minute.array * 1000).astype(np.int16)
    repeats = round(DAY / 60)
    array = np.tile(stored, (1, repeats))
    units = ("mV",) * len(minute.channels)
    sample = Sample(array, "a day", "ecg", minute.channels, units, "s", RATE, scale=(0.001, 0.0))
    marks = minute.annotations[0]
    starts = np.arange(repeats) * 60.0
    times = (starts[:, None] + marks.positions / RATE).ravel()  # (minutes, beats) to (B,)
    names = ["S" if symbol == "A" else symbol for symbol in marks.symbols]
    return sample, BeatMarks(times, np.array(names * repeats))
