"""What lies over the input on a stage: a channel of a layer, or what explains an answer."""

from dataclasses import dataclass

import numpy as np

from dashboard.ui.scene import Scene


@dataclass(frozen=True)
class Overlay:
    """Values (*U) with their `place` (dim+1, dim+1: index to sample index) and colour `clip`.

    `title` names them: "channel 7".
    """

    title: str
    values: np.ndarray
    place: np.ndarray
    clip: float


def channel_overlay(scene: Scene, channel: int | None = None) -> Overlay:
    """A channel of the chosen layer, the chosen one unless another is named."""
    channel = scene.channel if channel is None else channel
    values = scene.layer.maps[channel]
    return Overlay(f"channel {channel}", values, scene.layer.place, scene.clip)
