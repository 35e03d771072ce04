"""A sample through a network: prepared, run, decoded, and back in the sample's own index."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import torch
from torch import nn

from dashboard.data.prepare import Prepared, prepare
from dashboard.data.sample import Sample
from models import registry
from models.decode import beats, classes, landmarks, segmentation
from models.device import choose
from models.records import Beats, Classes, Landmarks, Mask
from models.run import run, run_chunked, run_mirrored
from models.spec import ModelSpec

CHUNK = 1 << 16  # fed samples of a signal run at once: bounds memory whatever the length


Prediction = Classes | Beats | Mask | Landmarks


class NoModel(ValueError):
    """No shipped network was trained on samples like this one; the message lists them."""


@dataclass(frozen=True)
class Seconds:
    """Wall-clock seconds of reading the files, preparing the input, and running and decoding."""

    read: float
    prepare: float
    predict: float


@dataclass(frozen=True)
class Analysis:
    """What a network says about a sample.

    Positions of beats are in the sample's own index; `reasons` say why the sample lies outside
    what the network was trained on (the answer is then only for exploring); `device` is the
    torch name of where it ran.
    """

    sample: Sample
    spec: ModelSpec
    prepared: Prepared
    prediction: Prediction
    reasons: tuple[str, ...]
    seconds: Seconds
    device: str


def analyze(
    sample: Sample,
    spec: ModelSpec,
    *,
    device: str | None = None,
    channel: int | None = None,
    position: Sequence[float] | None = None,
    net: nn.Module | None = None,
    read_seconds: float = 0.0,
    on_progress: Callable[[float], None] | None = None,
) -> Analysis:
    """Run `spec`'s network on `sample`.

    `channel` is the lead of a signal (default `ecg_channel`), `position` a patch's centre in
    sample index, `net` an already loaded network (default: loaded here, not counted in
    `seconds`), `on_progress` hears the share done of a long signal and may raise to cancel.
    Raises ValueError when the network has no weights for the sample's rank.
    """
    if net is None:
        net = registry.load(spec.name, device=str(choose(device)), dim=sample.dim)
    started = perf_counter()
    prepared = input_of(sample, spec, channel=channel, position=position)
    ready = perf_counter()
    prediction = predict(net, spec, prepared, sample, on_progress)
    seconds = Seconds(read_seconds, ready - started, perf_counter() - ready)
    reasons = (
        *spec.input.fits(sample),
        *_empty_lead(sample, prepared),
        *unlikely_volumes(sample, spec, prediction),
    )
    return Analysis(sample, spec, prepared, prediction, reasons, seconds, str(device_of(net)))


def input_of(
    sample: Sample,
    spec: ModelSpec,
    *,
    channel: int | None = None,
    position: Sequence[float] | None = None,
    whole: bool = False,
) -> Prepared:
    """`prepare` with the channel that is analysed by default: `ecg_channel` of a signal."""
    if channel is None:
        channel = ecg_channel(sample) if sample.dim == 1 else 0
    return prepare(sample, spec.input, channel=channel, position=position, whole=whole)


def predict(
    net: nn.Module,
    spec: ModelSpec,
    prepared: Prepared,
    sample: Sample,
    on_progress: Callable[[float], None] | None = None,
) -> Prediction:
    """Run a prepared input and decode it; beats are placed in the sample's own index."""
    output = _run(net, spec, prepared.array, on_progress)
    return _DECODE[spec.task](net, spec, prepared, sample, output)


def _classes(
    net: nn.Module, spec: ModelSpec, prepared: Prepared, sample: Sample, output: torch.Tensor
) -> Classes:
    return classes.decode(output, spec)


def _beats(
    net: nn.Module, spec: ModelSpec, prepared: Prepared, sample: Sample, output: torch.Tensor
) -> Beats:
    """Decoded beats, not in gaps or padding, told apart by rhythm, in the index of the sample."""
    found = _outside_gaps(beats.decode(output, spec, prepared.valid[0]), prepared)
    if hasattr(net, "rhythm"):
        lead, rate = prepared.array[0, : prepared.valid[0]], spec.input.sampling_rate
        found = beats.with_rhythm(found, lead, rate, net.rhythm, prepared.gaps)
    positions = prepared.index_in_sample(found.positions[:, None])[:, 0]
    return replace(found, positions=np.clip(positions, 0, sample.shape[0] - 1))


def _mask(
    net: nn.Module, spec: ModelSpec, prepared: Prepared, sample: Sample, output: torch.Tensor
) -> Mask:
    names = classes.class_names(spec, output.shape[1])
    place = (prepared.to_sample, prepared.valid, sample.shape)
    return segmentation.decode(output, names, *place)


def _landmarks(
    net: nn.Module, spec: ModelSpec, prepared: Prepared, sample: Sample, output: torch.Tensor
) -> Landmarks:
    found = landmarks.decode(output, spec, prepared.valid)
    return replace(found, positions=prepared.index_in_sample(found.positions))


# By task of the spec: (net, spec, prepared, sample, output) to the record of the answer.
_DECODE: Mapping[str, Callable[..., Prediction]] = {
    "beats": _beats,
    "classification": _classes,
    "segmentation": _mask,
    "landmarks": _landmarks,
}


def _run(
    net: nn.Module,
    spec: ModelSpec,
    array: np.ndarray,
    on_progress: Callable[[float], None] | None,
) -> torch.Tensor:
    if spec.task != "beats" or array.shape[-1] <= CHUNK:
        return scores(net, spec, array)
    return run_chunked(net, array, CHUNK, on_progress=on_progress)


def scores(net: nn.Module, spec: ModelSpec, array: np.ndarray) -> torch.Tensor:
    """The output for (C, *S) or (N, C, *S); the mean over mirror images where a spec asks for it.

    `spec.decoder["mirrored"]` is for classes that no reflection changes.
    """
    return run_mirrored(net, array) if spec.decoder.get("mirrored") else run(net, array)


def _outside_gaps(found: Beats, prepared: Prepared) -> Beats:
    """The beats that lie where the lead has values."""
    length = prepared.valid[0]
    keep = (found.positions >= 0) & (found.positions < length)
    if prepared.gaps is not None:
        nearest = np.clip(np.rint(found.positions).astype(int), 0, length - 1)
        keep &= ~prepared.gaps[nearest]
    return found.only(keep)


def _empty_lead(sample: Sample, prepared: Prepared) -> list[str]:
    if prepared.gaps is None or not prepared.gaps.all():
        return []
    return [f"lead {sample.channels[prepared.channel]} holds no values"]


def unlikely_volumes(sample: Sample, spec: ModelSpec, prediction: Prediction) -> list[str]:
    """Why a segmentation is not to be believed: parts far smaller or larger than in training."""
    if not isinstance(prediction, Mask) or sample.dim != 3 or "least_mm3" not in spec.decoder:
        return []
    least, most = spec.decoder["least_mm3"], spec.decoder["most_mm3"]
    voxel = voxel_volume(sample)
    volumes = {name: count * voxel for name, count in prediction.counts().items()}
    odd = [f"{v:.0f} mm³ of {name}" for name, v in volumes.items() if not least <= v <= most]
    if not odd:
        return []
    return [
        f"found {' and '.join(odd)}, expected {least:g} to {most:g} mm³ of each: "
        "probably not what the network was trained on"
    ]


def voxel_volume(sample: Sample) -> float:
    """mm³ per voxel of a volume: the determinant of its affine, right for sheared ones too."""
    return float(abs(np.linalg.det(sample.affine[:3, :3])))


def device_of(net: nn.Module) -> torch.device:
    """Where the network's parameters lie."""
    return next(net.parameters()).device


def choose_model(sample: Sample) -> ModelSpec:
    """The network for a sample: `ecg-beats` for an ECG, else the first shipped one that fits.

    Raises NoModel with the list of shipped networks and what speaks against each.
    """
    if sample.modality == "ecg":
        return registry.find("ecg-beats")
    candidates = [s for s in registry.specs() if any(w.shipped for w in s.weights)]
    objections = []
    for spec in candidates:
        against = _rank_objection(spec, sample) or spec.input.fits(sample)
        if not against:
            return spec
        objections.append(f"{spec.name} ({'; '.join(against)})")
    raise NoModel(
        f"got {sample.name} of kind '{sample.modality}', no shipped network was trained on "
        f"such samples: choose one with --model, of {', '.join(objections)}"
    )


def _rank_objection(spec: ModelSpec, sample: Sample) -> list[str]:
    ranks = [w.dim for w in spec.weights if w.shipped]
    if sample.dim in ranks:
        return []
    return [f"takes {_KINDS[ranks[0]]}, this is {_KINDS[sample.dim]}"]


_KINDS = {1: "a signal", 2: "an image", 3: "a volume"}
_LEADS = {"I", "II", "III", "AVR", "AVL", "AVF", *(f"V{n}" for n in range(1, 10))}
_LEADS |= {f"ML{name}" for name in ("I", "II", "III")} | {f"MV{n}" for n in range(1, 7)}


def ecg_channel(sample: Sample) -> int:
    """The lead to analyse: MLII, else II, else the first that looks like an ECG, else the first."""
    words = [set(re.findall(r"[A-Z0-9]+", name.upper())) for name in sample.channels]
    wanted = [{"MLII"}, {"II"}, _LEADS | {"ECG", "EKG"}]
    for names in wanted:
        for channel, of_channel in enumerate(words):
            if names & of_channel:
                return channel
    return 0
