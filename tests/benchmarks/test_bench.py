"""The bench verb: which benchmarks run, what they print, and how they measure."""

import json
import time

import numpy as np
import pytest

from dashboard.__main__ import main
from dashboard.analysis.benchmarks import ecg, timing
from dashboard.analysis.benchmarks.memory import peak_memory
from dashboard.analysis.benchmarks.timing import Measure, Unavailable, interleaved
from dashboard.commands import app_benchmarks, run_benchmarks
from dashboard.commands.run_benchmarks import BENCHMARKS, Benchmark
from dashboard.navigation import PAGES
from models.device import reuse_freed_memory


def quick(device):
    """A benchmark without work: one number that reaches its goal and one that does not."""
    yield Measure("ratio", 4.0, "x", 3.0, at_least=True)
    yield Measure("time", 2.0, "s", 1.0, detail=f"on {device}")


def impossible(device):
    raise Unavailable("something is not installed")
    yield


@pytest.fixture
def fakes(monkeypatch):
    """Two benchmarks of this file instead of the real ones."""
    rows = (Benchmark("quick", "", "quick"), Benchmark("impossible", "", "impossible"))
    monkeypatch.setattr(run_benchmarks, "BENCHMARKS", rows)
    functions = {"quick": quick, "impossible": impossible}
    monkeypatch.setattr(run_benchmarks, "function_of", lambda row: functions[row.name])


def test_every_number_is_printed_beside_its_goal(fakes, capsys):
    assert main(["bench", "--device", "cpu"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert "cores" in told[0]
    assert "threads" in told[0]
    assert "pass  ratio: 4 x, goal >= 3 x" in told[1]
    assert "MISS  time: 2 s, goal <= 1 s" in told[2]
    assert "not run: something is not installed" in told[3]


def test_json_is_one_document_with_the_machine(fakes, capsys):
    assert main(["bench", "quick", "--device", "cpu", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"cores", "cpu", "torch", "threads", "device"} <= set(told["machine"])
    assert [result["passed"] for result in told["results"]] == [True, False]
    assert told["results"][0]["target"] == ">= 3"


@pytest.mark.parametrize("row", BENCHMARKS, ids=lambda row: row.name)
def test_every_row_names_a_function(row):
    assert callable(run_benchmarks.function_of(row))


def test_benchmarks_run_in_the_order_of_the_table():
    chosen = run_benchmarks.choose(["torchlens", "landing"])
    assert [row.name for row in chosen] == ["landing", "torchlens"]


def test_the_slower_function_has_the_larger_median():
    fast, slow = interleaved(
        [lambda: time.sleep(0.001), lambda: time.sleep(0.02)], rounds=5, device="cpu"
    )
    assert 0.001 <= fast < slow
    assert slow >= 0.02


def test_functions_take_turns_back_and_forth():
    calls = []
    interleaved([lambda: calls.append("a"), lambda: calls.append("b")], rounds=3)
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab"


def test_the_peak_of_memory_sees_what_is_freed_again():
    reuse_freed_memory()
    blocks = [np.ones(2_500_000) for _ in range(13)]  # 260 MB that the C library keeps
    blocks.clear()
    with peak_memory() as peak:
        np.ones(30_000_000).sum()  # 240 MB
    if np.isnan(peak.megabytes):
        pytest.skip("this system does not tell a peak of memory")
    assert 150 <= peak.megabytes <= 400  # the allocator may reuse some, the runtime add some


def test_the_machine_is_described():
    told = timing.machine()
    assert told["cores"] >= 1
    assert told["threads"] >= 1


def test_a_tiled_lead_repeats_its_minute():
    lead = ecg.tiled_lead(0.1, 128.0).array[0]
    minute = 60 * 128
    assert len(lead) == 6 * minute
    np.testing.assert_array_equal(lead[:minute], lead[4 * minute : 5 * minute])


def test_the_written_record_reads_back_as_it_was(tmp_path):
    from dashboard.data.readers import open_files

    sample = ecg.tiled_lead(1 / 60, 360.0)
    back = open_files([ecg.write_record(sample, tmp_path)])
    # Format 212 keeps 12 bits in steps of 5 uV.
    np.testing.assert_allclose(back.values(), sample.values(), atol=0.0026)


def test_the_landing_page_does_not_load_torch():
    (measure,) = app_benchmarks.landing("cpu")
    assert measure.passed, measure


@pytest.mark.slow
def test_switching_is_timed_for_every_page(monkeypatch):
    monkeypatch.setattr(
        app_benchmarks, "SWITCHES", app_benchmarks.SWITCHES.replace("range(6)", "range(2)")
    )
    measures = list(app_benchmarks.page_switch("cpu"))
    assert [row.title in m.name for row, m in zip(PAGES, measures, strict=True)] == [True] * len(
        PAGES
    )
    assert all(0 < measure.value < 10 for measure in measures)
