"""Whole volumes: dense evaluation against cut windows, sliding windows against MONAI's."""

import importlib.util
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import torch
from torch import nn

from dashboard.analysis.benchmarks.timing import Measure, Unavailable, interleaved
from models import registry
from models.dense import Dense, dense, run_dense
from models.folded import folded
from models.nd import Nd
from models.nets.unet import Design, UNet
from models.run import run
from models.sliding import plan, sliding_window

SIDE = 56  # voxels of the cube that the classifier is run over
BATCH = 16  # windows at once
UNET = Design(widths=(16, 32, 64))
VOLUME, WINDOW, OVERLAP, WINDOWS_AT_ONCE = (80, 80, 80), (48, 48, 48), 0.25, 4


def dense_3d(device: str) -> Iterator[Measure]:
    """LeNet-5 in 3D over a cube, at every multiple of its stride: dense and window by window."""
    torch.manual_seed(0)
    spec = registry.find("lenet5")
    net = registry.create("lenet5", 3).eval().to(device)
    whole = dense(net, spec.input.size_for(3))
    array = np.random.default_rng(0).standard_normal((1, SIDE, SIDE, SIDE), dtype=np.float32)
    slow, fast = cut_windows(net, whole, array), run_dense(whole, array)
    cut, at_once = interleaved(
        [lambda: cut_windows(net, whole, array), lambda: run_dense(whole, array)],
        rounds=2,
        device=device,
    )
    windows = int(np.prod(fast.shape[1:]))
    detail = f"{windows} windows, cut {cut:.2f} s, dense {at_once:.3f} s"
    name = f"LeNet-5 over {SIDE}^3: cut windows / dense"
    yield Measure(name, cut / at_once, "x", 5.0, True, detail)
    difference = float(np.abs(slow - fast).max())
    # Scores of size 1; float32 sums in another order.
    yield Measure("the same: largest difference of a score", difference, "", 1e-4)


def cut_windows(net: nn.Module, whole: Dense, array: np.ndarray) -> np.ndarray:
    """The scores (K, *positions) of every window that `whole` answers for, cut out in batches."""
    places = whole.positions(array.shape[1:])
    boxes = [
        tuple(slice(p * s, p * s + n) for p, s, n in zip(at, whole.stride, whole.size, strict=True))
        for at in product(*map(range, places))
    ]
    scores = []
    for first in range(0, len(boxes), BATCH):
        batch = [array[(slice(None), *box)] for box in boxes[first : first + BATCH]]
        scores.append(run(net, np.stack(batch)).numpy())
    return np.concatenate(scores).T.reshape(-1, *places)


def sliding_3d(device: str) -> Iterator[Measure]:
    """A 3D U-Net over a volume in overlapping windows, ours against MONAI's inferer."""
    if importlib.util.find_spec("monai") is None:
        raise Unavailable("MONAI is not installed: `pip install 'monai>=1.5,<2'`")
    torch.manual_seed(0)
    net = UNet(Nd(3), 1, 3, UNET).eval().to(device)
    array = np.random.default_rng(0).standard_normal((1, *VOLUME), dtype=np.float32)
    windows = plan(VOLUME, WINDOW, OVERLAP, classes=3, batch=WINDOWS_AT_ONCE)
    private = folded(net)

    def ours() -> np.ndarray:
        return sliding_window(private, array, windows)

    theirs = _by_monai(net, array, device)
    difference = float(np.abs(ours() - theirs()).max())
    seconds, monai_seconds = interleaved([ours, theirs], rounds=3, device=device)
    detail = f"{windows.windows} windows, ours {seconds:.2f} s, MONAI {monai_seconds:.2f} s"
    name = "3D U-Net in sliding windows: ours / MONAI"
    # Ours may only differ by being faster.
    yield Measure(name, seconds / monai_seconds, "x", 1.0, detail=detail)
    yield Measure("the same: largest difference of a score", difference, "", 1e-4)


def _by_monai(net: nn.Module, array: np.ndarray, device: str) -> Callable[[], np.ndarray]:
    from monai.inferers import sliding_window_inference

    fed = torch.from_numpy(array)[None]

    def infer() -> np.ndarray:
        with torch.inference_mode():
            out = sliding_window_inference(
                *(fed, WINDOW, WINDOWS_AT_ONCE, net),
                overlap=OVERLAP,
                mode="gaussian",
                sw_device=device,
                device="cpu",
            )
        return out[0].numpy()

    return infer
