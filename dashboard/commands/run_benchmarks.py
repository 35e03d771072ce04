"""`bench [NAME...]`: time the parts that must be fast, as ratios within one run."""

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from dashboard.commands import options
from dashboard.commands.usage import UsageError


@dataclass(frozen=True)
class Benchmark:
    """One row: `function(device)` of `module` yields `Measure`s."""

    name: str
    module: str
    function: str


ANALYSIS = "dashboard.analysis.benchmarks"
BENCHMARKS = (
    Benchmark("landing", "dashboard.commands.app_benchmarks", "landing"),
    Benchmark("page-switch", "dashboard.commands.app_benchmarks", "page_switch"),
    Benchmark("ecg-24h", f"{ANALYSIS}.ecg", "a_day"),
    Benchmark("ecg-30min", f"{ANALYSIS}.ecg", "thirty_minutes"),
    Benchmark("window", "dashboard.commands.app_benchmarks", "window"),
    Benchmark("scan-slice", "dashboard.commands.scan_benchmarks", "scan_slice"),
    Benchmark("scan-first-view", "dashboard.commands.scan_benchmarks", "scan_first_view"),
    Benchmark("trace-1d", f"{ANALYSIS}.tracing", "trace_1d"),
    Benchmark("trace-2d", f"{ANALYSIS}.tracing", "trace_2d"),
    Benchmark("trace-3d", f"{ANALYSIS}.tracing", "trace_3d"),
    Benchmark("gradcam-3d", f"{ANALYSIS}.cams", "gradcam_3d"),
    Benchmark("mesh", "dashboard.commands.solid_benchmarks", "mesh"),
    Benchmark("explore-3d", "dashboard.commands.solid_benchmarks", "explore_three_planes"),
    Benchmark("dense", f"{ANALYSIS}.dense", "dense_3d"),
    Benchmark("sliding", f"{ANALYSIS}.dense", "sliding_3d"),
    # Last: TorchLens replaces functions of torch while it runs.
    Benchmark("torchlens", f"{ANALYSIS}.tracing", "torchlens"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[NAME...] [--device D] [--json]."""
    names = ", ".join(benchmark.name for benchmark in BENCHMARKS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {names}")
    options.add_device(parser)
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the benchmarks and print each number beside its goal; a miss is no error."""
    chosen = choose(arguments.names)
    # torch loads only now: wrong usage is answered at once
    from dashboard.analysis.benchmarks.timing import machine
    from dashboard.commands import networks

    device = networks.find_device(arguments.device)
    where = {**machine(), "device": device}
    if not arguments.json:
        print(", ".join(f"{key} {value}" for key, value in where.items()), flush=True)
    results = []
    for benchmark in chosen:
        for result in _measures(benchmark, device):
            results.append(result)
            print(_line(result), file=sys.stderr if arguments.json else sys.stdout, flush=True)
    if arguments.json:
        print(json.dumps({"machine": where, "results": results}))
    return 0


def choose(names: Sequence[str]) -> list[Benchmark]:
    """The benchmarks named, in the table's order; all for no name."""
    known = {benchmark.name for benchmark in BENCHMARKS}
    wrong = [name for name in names if name not in known]
    if wrong:
        raise UsageError(f"got {wrong[0]}, expected some of {', '.join(sorted(known))}")
    return [benchmark for benchmark in BENCHMARKS if not names or benchmark.name in names]


def function_of(benchmark: Benchmark) -> Callable[[str], Iterator[Any]]:
    """The function of a row, imported now."""
    return getattr(importlib.import_module(benchmark.module), benchmark.function)


def _measures(benchmark: Benchmark, device: str) -> list[dict[str, Any]]:
    """What one benchmark measured, as plain values; one entry that says why when it cannot run."""
    from dashboard.analysis.benchmarks.timing import Unavailable

    started = perf_counter()
    try:
        measures = list(function_of(benchmark)(device))
    except Unavailable as error:
        return [{"bench": benchmark.name, "name": "not run", "detail": str(error)}]
    seconds = round(perf_counter() - started, 1)
    return [
        {
            "bench": benchmark.name,
            "name": measure.name,
            "value": measure.value,
            "unit": measure.unit,
            "target": f"{'>=' if measure.at_least else '<='} {measure.limit:g}",
            "passed": measure.passed,
            "detail": measure.detail,
            "seconds": seconds,
        }
        for measure in measures
    ]


def _line(result: Mapping[str, Any]) -> str:
    if "value" not in result:
        return f"{result['bench']:<10} not run: {result['detail']}"
    verdict = "pass" if result["passed"] else "MISS"
    detail = f"  ({result['detail']})" if result["detail"] else ""
    number = f"{result['value']:.4g} {result['unit']}".strip()
    return (
        f"{result['bench']:<10} {verdict}  {result['name']}: {number}, "
        f"goal {result['target']} {result['unit']}".rstrip()
        + detail
    )
