"""`analyze --whole`: a network at every place of a scan, its maps as NIfTI files."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.analysis.analyze import device_of, voxel_volume
from dashboard.analysis.whole import (
    DENSE,
    ClassMap,
    Whole,
    WholeAnswer,
    methods,
    plan_whole,
    whole_map,
)
from dashboard.commands import networks
from dashboard.commands.options import Opened
from dashboard.commands.progress import follow
from dashboard.commands.usage import UsageError
from dashboard.data.sample import Sample
from dashboard.data.writers.labels_nifti import write_labels
from dashboard.data.writers.nifti_file import map_nifti_bytes
from models.spec import ModelSpec

MB = 2**20


def run_whole(opened: Opened, spec: ModelSpec, net, arguments: argparse.Namespace) -> int:
    """Say what it will cost, run, write into --out; JSON or a few lines on stdout.

    Writes probabilities.nii.gz (a class per frame, on the map's own grid, aligned with the scan)
    or labels.nii.gz (on the scan's grid), and analysis.json.
    """
    sample = opened.sample
    if arguments.fast and DENSE not in methods(spec):
        raise UsageError(f"got --fast with {spec.name}, expected a classifier of patches")
    with networks.told_in_one_line():
        plan = plan_whole(sample, spec, net, DENSE if arguments.fast else "")
        print(plan_line(plan), file=sys.stderr, flush=True)
        answer = follow(whole_map(sample, spec, net, plan)).values["answer"]
        folder = Path(arguments.out)
        folder.mkdir(parents=True, exist_ok=True)
        path = _write_map(sample, answer, folder)
        told = {
            "sample": {"kind": sample.kind, "name": sample.name, "shape": list(sample.shape)},
            "model": spec.name,
            "device": str(device_of(net)),
            "seconds": {"read": round(opened.seconds, 4), "predict": round(answer.seconds, 4)},
            "reasons": spec.input.fits(sample),
            "whole": {"file": path.name, **_whole(answer)},
            "predictions": _predictions(sample, answer),
        }
        (folder / "analysis.json").write_text(json.dumps(told, indent=1))
    print(json.dumps(told) if arguments.json else "\n".join(_lines(told)))
    return 0


def plan_line(plan: Whole) -> str:
    """The plan for a terminal, before it starts."""
    size = " x ".join(str(n) for n in plan.size)
    return (
        f"{plan.method}: {plan.windows} windows of {size} voxels, at most "
        f"{plan.bytes / MB:.0f} MB, about {max(1, round(plan.seconds))} s"
    )


def _write_map(sample: Sample, answer: WholeAnswer, folder: Path) -> Path:
    found = answer.found
    if not isinstance(found, ClassMap):
        path = folder / "labels.nii.gz"
        write_labels(found, sample, path)
        return path
    path = folder / "probabilities.nii.gz"
    path.write_bytes(map_nifti_bytes(found.probabilities, sample.affine @ found.place))
    return path


def _whole(answer: WholeAnswer) -> dict[str, Any]:
    plan = answer.plan
    return {
        "method": plan.method,
        "windows": plan.windows,
        "size": list(plan.size),
        "step": list(plan.step),
        "shape": list(plan.shape),
        "exact": not plan.borders,
        "planned_bytes": plan.bytes,
        "planned_seconds": round(plan.seconds, 2),
    }


def _predictions(sample: Sample, answer: WholeAnswer) -> dict[str, Any]:
    """Voxels and mm3 of a mask; of a class map where each class is most probable."""
    found = answer.found
    if isinstance(found, ClassMap):
        return {"classes": [_peak(sample, found, i) for i in range(len(found.names))]}
    counts = found.counts()
    voxel = voxel_volume(sample)
    return {
        "labels": counts,
        "volume_mm3": {name: round(count * voxel, 2) for name, count in counts.items()},
    }


def _peak(sample: Sample, found: ClassMap, index: int) -> dict[str, Any]:
    maps = found.probabilities[index]
    unit = np.unravel_index(int(np.nanargmax(maps)), maps.shape)
    place = (found.place @ np.array([*unit, 1.0]))[:-1]
    return {
        "name": found.names[index],
        "index": index,
        "highest": round(float(maps[unit]), 5),
        "at_mm": [round(float(v), 2) for v in sample.to_world(place)],
    }


def _lines(told: dict[str, Any]) -> list[str]:
    """A few lines for people."""
    whole = told["whole"]
    rows = told["predictions"].get("classes", [])
    volumes = told["predictions"].get("volume_mm3", {})
    return [
        f"{told['model']} on {told['device']}: {whole['windows']} windows ({whole['method']}), "
        f"{told['seconds']['predict']:.1f} s; wrote {whole['file']}",
        *(f"outside its domain: {reason}" for reason in told["reasons"]),
        *(f"{r['name']}: highest {r['highest']:.1%} at {r['at_mm']} mm" for r in rows),
        *(f"{name}: {volume:.0f} mm³" for name, volume in volumes.items()),
    ]
