"""From a sample to what a network is fed, with the way back to the sample's own index.

Every geometric change (resampling, cropping, reorienting, padding, patch choice) is written into
`Prepared.to_sample`, so that a unit of any layer can be drawn where it belongs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dashboard.data.normalise import NORMALISERS
from dashboard.data.prepare_image import digit, whole_image
from dashboard.data.prepare_region import fed_whole, region
from dashboard.data.prepare_shape import shape
from dashboard.data.prepare_signal import whole_signal
from dashboard.data.prepare_volume import patch
from dashboard.data.prepared import Prepared, Request
from dashboard.data.sample import Sample
from models.spec import InputSpec

__all__ = ["CROPS", "NORMALISERS", "Prepared", "placed", "prepare"]


def prepare(
    sample: Sample,
    spec: InputSpec,
    *,
    channel: int = 0,
    position: Sequence[float] | None = None,
    whole: bool = False,
) -> Prepared:
    """Feed `sample` to a network with input `spec`.

    `channel` chooses the lead of a signal; `position` (sample index) the centre of a patch,
    default the sample's own `position` or its middle; `whole` feeds a patch network the whole
    volume. Raises ValueError when the ranks differ.
    """
    policy = CROPS[spec.crop]
    if policy.dim not in (None, sample.dim):
        raise ValueError(
            f"got a {sample.kind}, expected {policy.dim} spatial axes for this network"
        )
    if position is None:
        position = sample.position or tuple((n - 1) / 2 for n in sample.shape)
    prepared = policy.apply(Request(sample, spec, channel, tuple(position), whole))
    if len(prepared.array) == 1 < spec.channels:  # grey to a network that takes colours
        return replace(prepared, array=np.repeat(prepared.array, spec.channels, axis=0))
    return prepared


def placed(sample: Sample, spec: InputSpec) -> bool:
    """Whether what is fed of `sample` lies about a position, so that moving it changes answers."""
    return spec.crop == "patch" or (spec.crop == "region" and not fed_whole(sample))


@dataclass(frozen=True)
class _Crop:
    """A policy for one rank of samples, or for any (`dim` None)."""

    dim: int | None
    apply: Callable[[Request], Prepared]


def _whole(request: Request) -> Prepared:
    apply = (whole_signal, whole_image, patch)[request.sample.dim - 1]
    return apply(Request(request.sample, request.spec, request.channel, request.position, True))


CROPS = {
    "whole": _Crop(None, _whole),
    "whole-signal": _Crop(1, whole_signal),
    "whole-image": _Crop(2, whole_image),
    "digit": _Crop(2, digit),
    "patch": _Crop(3, patch),
    "region": _Crop(3, region),
    "shape": _Crop(3, shape),
}
