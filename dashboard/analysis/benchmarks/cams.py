"""How long a class activation map of a volume takes."""

from collections.abc import Iterator

import numpy as np

from dashboard.analysis.benchmarks.timing import Measure, interleaved
from models import registry
from models.probes.attribution import unit
from models.probes.cam import cam
from models.run import run

SIDE = 64
LAYER = "layer4"


def gradcam_3d(device: str) -> Iterator[Measure]:
    """Grad-CAM at the last stage of ResNet-18 at 64 x 64 x 64, beside a plain pass."""
    net = registry.create("resnet18", dim=3, in_channels=1).eval().to(device)
    fed = np.random.default_rng(0).standard_normal((1, SIDE, SIDE, SIDE), dtype=np.float32)
    plain, mapped = interleaved(
        [lambda: run(net, fed), lambda: cam(net, fed, LAYER, unit(0))], rounds=9, device=device
    )
    detail = f"{LAYER}; a plain pass {plain * 1e3:.0f} ms"
    yield Measure(f"resnet18, {SIDE}^3: Grad-CAM", mapped, "s", 1.0, detail=detail)
