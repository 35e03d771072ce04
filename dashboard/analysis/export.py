"""An analysis as the JSON document, table and arrays that other programs read."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from dashboard.analysis.analyze import Analysis, voxel_volume
from dashboard.data.prepare import Prepared
from models.probes.trace import Trace, trace
from models.records import Beats, Classes, Landmarks, Mask


def document(analysis: Analysis) -> dict[str, Any]:
    """The document of `analyze --json`, with plain Python values."""
    seconds = analysis.seconds
    return {
        "sample": _sample(analysis),
        "model": analysis.spec.name,
        "device": analysis.device,
        "seconds": {
            "read": round(seconds.read, 4),
            "prepare": round(seconds.prepare, 4),
            "predict": round(seconds.predict, 4),
        },
        "reasons": list(analysis.reasons),
        "predictions": _predictions(analysis),
    }


def _sample(analysis: Analysis) -> dict[str, Any]:
    sample = analysis.sample
    spacing = sample.spacing
    return {
        "kind": sample.kind,
        "name": sample.name,
        "shape": list(sample.shape),
        "spacing": spacing[0] if sample.dim == 1 else list(spacing),
        "axis_unit": sample.axis_unit,
        "value_unit": sample.units[analysis.prepared.channel],
        "channels": list(sample.channels),
        "digest": sample.digest,
        "notes": list(sample.notes),
    }


def _predictions(analysis: Analysis) -> dict[str, Any]:
    return _PREDICTIONS[type(analysis.prediction)](analysis)


def _classes(analysis: Analysis) -> dict[str, Any]:
    rows = analysis.prediction.ranked()
    return {"classes": [{"name": n, "index": i, "probability": p} for n, i, p in rows]}


def _beats_and_lead(analysis: Analysis) -> dict[str, Any]:
    lead = analysis.sample.channels[analysis.prepared.channel]
    return {"beats": _beats(analysis.prediction, analysis.sample.sampling_rate), "lead": lead}


def _beats(beats: Beats, rate: float) -> list[dict[str, Any]]:
    samples = np.rint(beats.positions).astype(int)
    rows = zip(samples, beats.symbols, beats.scores, beats.probabilities, strict=True)
    return [
        {
            "sample": int(sample),
            "time_s": round(float(sample) / rate, 4),
            "label": label,
            "score": round(float(score), 5),
            "probabilities": {
                name: round(float(p), 5) for name, p in zip(beats.names, shares, strict=True)
            },
        }
        for sample, label, score, shares in rows
    ]


def _mask(analysis: Analysis) -> dict[str, Any]:
    """Voxels per class; of a volume also mm³; `region`: first and end index where was looked."""
    prediction, sample = analysis.prediction, analysis.sample
    counts = prediction.counts()
    region = prediction.region or tuple(slice(0, n) for n in sample.shape)
    found = {"labels": counts, "region": [[s.start, s.stop] for s in region]}
    if sample.dim == 3:
        voxel = voxel_volume(sample)
        found["volume_mm3"] = {name: round(n * voxel, 2) for name, n in counts.items()}
    return found


def _landmarks(analysis: Analysis) -> dict[str, Any]:
    """Points in the sample's index and in its world: RAS+ mm, px or s (`world_UNIT`)."""
    points, sample = analysis.prediction, analysis.sample
    rows = zip(
        points.names,
        points.positions,
        sample.to_world(points.positions),
        points.scores,
        strict=True,
    )
    return {
        "landmarks": [
            {
                "name": name,
                "index": [round(float(value), 3) for value in index],
                f"world_{sample.axis_unit}": [round(float(value), 3) for value in world],
                "score": round(float(score), 4),
            }
            for name, index, world, score in rows
        ]
    }


_PREDICTIONS = {
    Classes: _classes,
    Beats: _beats_and_lead,
    Mask: _mask,
    Landmarks: _landmarks,
}


def answer_lines(analysis: Analysis) -> list[str]:
    """The answer in one or a few lines for a terminal."""
    return _LINES[type(analysis.prediction)](analysis)


def _class_lines(analysis: Analysis) -> list[str]:
    return [f"{name}: {p:.1%}" for name, _, p in analysis.prediction.ranked()[:5]]


def _beat_lines(analysis: Analysis) -> list[str]:
    prediction = analysis.prediction
    counts = Counter(prediction.symbols)
    lead = analysis.sample.channels[analysis.prepared.channel]
    named = ", ".join(f"{counts[name]} {name}" for name in prediction.names if counts[name])
    return [f"lead {lead}: {len(prediction)} beats ({named or 'none'})"]


def _mask_lines(analysis: Analysis) -> list[str]:
    found = _mask(analysis)
    volumes = found.get("volume_mm3", {})
    return [
        f"{name}: {count} {'voxels' if volumes else 'positions'}"
        + (f", {volumes[name]:.0f} mm³" if volumes else "")
        for name, count in found["labels"].items()
    ]


def _landmark_lines(analysis: Analysis) -> list[str]:
    points, sample = analysis.prediction, analysis.sample
    places = sample.to_world(points.positions)
    return [
        f"{name}: {', '.join(f'{value:.1f}' for value in place)} {sample.axis_unit} "
        f"({score:.0%} sure)"
        for name, place, score in zip(points.names, places, points.scores, strict=True)
    ]


_LINES = {
    Classes: _class_lines,
    Beats: _beat_lines,
    Mask: _mask_lines,
    Landmarks: _landmark_lines,
}


def default_layers(analysis: Analysis) -> list[str]:
    """The layers written by default: the stages that the explorer folds the network by."""
    chosen = (*analysis.spec.stages, analysis.spec.default_layer)
    return list(dict.fromkeys(name for name in chosen if name))


def write_activations(net: nn.Module, prepared: Prepared, layers: list[str], path: Path) -> Trace:
    """Trace `layers` (empty: all) in one pass and store them; returns the trace."""
    if not layers:  # a second call of a module is "NAME:2": asking for NAME gives both
        layers = [name for name in trace(net, prepared.array).names if ":" not in name]
    traced = trace(net, prepared.array, layers=layers)
    np.savez(path, **arrays_of(traced, prepared))
    return traced


def arrays_of(traced: Trace, prepared: Prepared) -> dict[str, np.ndarray]:
    """Arrays of an activation file.

    Each layer by its name (C, *S); where it has a place on the input also `NAME/stride`,
    `NAME/offset` and `NAME/field`, one value per axis in fed samples; `input` (C, *S) is what was
    fed and `to_sample` the (dim+1, dim+1) matrix from fed index to the sample's index.
    """
    arrays = {"input": prepared.array, "to_sample": prepared.to_sample}
    for record in traced.records:
        if record.array is None:
            continue
        arrays[record.name] = record.array
        if record.stride is not None:
            arrays[f"{record.name}/stride"] = np.array(record.stride)
            arrays[f"{record.name}/offset"] = np.array(record.offset)
            arrays[f"{record.name}/field"] = np.array(record.field)
    return arrays
