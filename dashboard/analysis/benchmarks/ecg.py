"""How fast an ECG is read and its beats are named, from half an hour to a day."""

import tempfile
from collections.abc import Iterator
from functools import partial
from math import ceil
from pathlib import Path
from time import perf_counter

import numpy as np
import wfdb
from torch import nn
from wfdb.processing import xqrs_detect

from dashboard.analysis import analyze as analysis
from dashboard.analysis.benchmarks.memory import peak_memory
from dashboard.analysis.benchmarks.timing import Measure, interleaved
from dashboard.data.readers import open_files
from dashboard.data.sample import Sample
from dashboard.data.synthetic import synthetic_ecg
from models import registry
from models.run import run, run_chunked
from models.spec import ModelSpec

NETWORK = "ecg-beats"


def tiled_lead(hours: float, rate: float) -> Sample:
    """Lead II of the synthetic record, a minute of it repeated for `hours`, in mV."""
    minute = synthetic_ecg(60.0, rate)
    lead = minute.values((1,))  # (T,)
    repeats = ceil(hours * 60)
    array = np.tile(lead, repeats)[None, : round(hours * 3600 * rate)]
    return Sample(array, f"{hours:g} h of lead II", "ecg", ("II",), ("mV",), "s", rate)


def thirty_minutes(device: str) -> Iterator[Measure]:
    """30 minutes at 360 Hz from the file to named beats, against wfdb's detector alone."""
    spec, net = _network(device)
    sample = tiled_lead(0.5, 360.0)
    with tempfile.TemporaryDirectory() as folder:
        header = write_record(sample, Path(folder))

        def from_file() -> None:
            analysis.analyze(open_files([header]), spec, net=net)

        lead = sample.values((0,)).astype(float)
        detect = partial(xqrs_detect, lead, fs=360, verbose=False)
        named = partial(analysis.analyze, open_files([header]), spec, net=net)
        ours, after, theirs = interleaved([from_file, named, detect], rounds=5, device=device)
    detail = f"ours {ours:.3f} s, xqrs {theirs:.2f} s"
    yield Measure("30 min read to named beats, warm", ours, "s", 0.5)
    yield Measure("the same after reading", after, "s", 0.2)
    yield Measure("xqrs alone / ours from the file", theirs / ours, "x", 5.0, True, detail)


def a_day(device: str) -> Iterator[Measure]:
    """24 h at 128 Hz: linear in length, bounded memory, chunks equal to the whole."""
    spec, net = _network(device)
    quarter, day = tiled_lead(6, 128.0), tiled_lead(24, 128.0)
    analysis.analyze(tiled_lead(0.5, 128.0), spec, net=net)  # warm-up
    six_hours = min(_seconds(quarter, spec, net) for _ in range(2))
    with peak_memory() as peak:
        whole_day = _seconds(day, spec, net)
    growth = whole_day / six_hours / 4
    detail = f"6 h in {six_hours:.2f} s, 24 h in {whole_day:.2f} s"
    yield Measure("24 h per hour / 6 h per hour", growth, "x", 1.3, detail=detail)
    size = day.array.nbytes / 2**20
    detail = f"the lead itself is {size:.0f} MB"
    yield Measure("peak memory of 24 h above the lead", peak.megabytes, "MB", 1000, detail=detail)
    yield _chunks_against_whole(quarter, spec, net)


def _chunks_against_whole(sample: Sample, spec: ModelSpec, net: nn.Module) -> Measure:
    """The largest difference of any output between one pass and chunks with overlap."""
    fed = analysis.input_of(sample, spec).array
    whole = run(net, fed)
    chunked = run_chunked(net, fed, analysis.CHUNK)
    difference = float((whole - chunked).abs().max())
    # Convolutions of other lengths may add in another order: float32, logits of size 10.
    return Measure("6 h in chunks against in one pass, logits", difference, "", 1e-3)


def _seconds(sample: Sample, spec: ModelSpec, net: nn.Module) -> float:
    started = perf_counter()
    analysis.analyze(sample, spec, net=net)
    return perf_counter() - started


def _network(device: str) -> tuple[ModelSpec, nn.Module]:
    return registry.find(NETWORK), registry.load(NETWORK, device=device)


def write_record(sample: Sample, folder: Path) -> Path:
    """The sample as a WFDB record (format 212, as MIT-BIH's own); returns its header."""
    wfdb.wrsamp(
        "bench",
        fs=sample.sampling_rate,
        units=["mV"],
        sig_name=list(sample.channels),
        p_signal=sample.array.T.astype(float),
        fmt=["212"],
        adc_gain=[200.0],
        baseline=[0],
        write_dir=str(folder),
    )
    return folder / "bench.hea"
