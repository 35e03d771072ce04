"""Beat grid: a lead of any length in; per cell, is there a beat, where in the cell, which class.

YOLO's grid (Redmon et al., "You Only Look Once", CVPR 2016) laid over time, computed by
convolution alone as in OverFeat (Sermanet et al., ICLR 2014): no separate QRS detector.
"""

import torch
from torch import Tensor, nn

from models.beat_rhythm import FEATURES
from models.nd import Nd
from models.records import AAMI
from models.spec import InputSpec, ModelSpec, Weights

SHAPES = tuple(name for name in AAMI if name != "S")  # an S beat has the shape of an N beat
STRIDE = 8  # fed samples per cell
CONTEXT_STRIDE = 32  # fed samples per step of the context branch
DILATIONS = (1, 2, 4, 8)


class Block(nn.Module):
    """Two convolutions with a shortcut (He et al., CVPR 2016); every ReLU is its own module."""

    def __init__(
        self, nd: Nd, inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv1 = nd.conv(
            inputs, outputs, kernel, stride, padding, dilation=dilation, bias=False
        )
        self.norm1 = nd.batch_norm(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nd.conv(outputs, outputs, kernel, 1, padding, dilation=dilation, bias=False)
        self.norm2 = nd.batch_norm(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nd.conv(inputs, outputs, 1, stride, bias=False), nd.batch_norm(outputs)
            )
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        return self.relu2(out + self.shortcut(x))


class Stem(nn.Module):
    """The first convolution, at half the fed rate."""

    def __init__(self, nd: Nd, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nd.conv(inputs, outputs, 9, 2, 4, bias=False)
        self.norm = nd.batch_norm(outputs)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.norm(self.conv(x)))


class Context(nn.Module):
    """Rhythm: down by four, dilated blocks that see some 16 s, and up again to the grid."""

    def __init__(self, nd: Nd, width: int) -> None:
        super().__init__()
        steps = CONTEXT_STRIDE // STRIDE
        self.down = Block(nd, width, width, 5, stride=steps)
        self.dilated = nn.Sequential(*[Block(nd, width, width, 3, dilation=d) for d in DILATIONS])
        self.up = nn.Upsample(scale_factor=float(steps), mode="nearest")

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.dilated(self.down(x)))


class Head(nn.Module):
    """Shape beside rhythm, to the channels of a cell: beat, offset per axis, classes."""

    def __init__(self, nd: Nd, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.dropout = nd.dropout(0.35)
        self.conv = nd.conv(inputs, width, 3, 1, 1, bias=False)
        self.norm = nd.batch_norm(width)
        self.relu = nn.ReLU()
        self.cells = nd.conv(width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.cells(self.relu(self.norm(self.conv(self.dropout(x)))))


class RhythmHead(nn.Module):
    """Whether a beat of supraventricular shape is ectopic (S) or normal (N), from the rhythm.

    A logistic regression over the features of `models.beat_rhythm`, fitted in closed form after
    the grid: buffers, not parameters. Zeros say nothing: both are as likely as they were.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(features))
        self.register_buffer("bias", torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) to (B,): logits of S against N."""
        return features @ self.weight + self.bias


class BeatGrid(nn.Module):
    """(N, C, *S) to (N, 1 + dim + classes - 1, *S / 8): logits of beat, offset in the cell, shape.

    One shape stands for two classes (`SHAPES`): `rhythm` tells N from S among the beats that are
    found. Every extent of S must be a multiple of 32. Cell u covers fed samples 8u to 8u + 8,
    its receptive field is centred near 8u.
    """

    def __init__(self, dim: int, in_channels: int, classes: int) -> None:
        super().__init__()
        nd = Nd(dim)
        self.stem = Stem(nd, in_channels, 16)
        self.stage1 = Block(nd, 16, 32, 5, stride=2)
        self.stage2 = Block(nd, 32, 48, 5, stride=2)
        self.stage3 = Block(nd, 48, 64, 3)
        self.context = Context(nd, 64)
        self.head = Head(nd, 2 * 64, 48, 1 + dim + classes - 1)
        self.rhythm = RhythmHead(len(FEATURES))

    def forward(self, x: Tensor) -> Tensor:
        shape = self.stage3(self.stage2(self.stage1(self.stem(x))))  # (N, 64, *S / 8)
        rhythm = self.context(shape)  # (N, 64, *S / 8)
        return self.head(torch.cat([shape, rhythm], dim=1))


SPECS = (
    ModelSpec(
        name="ecg-beats",
        title="ECG beats: found, placed and named",
        family="beat_grid",
        task="beats",
        dims=(1,),
        build=BeatGrid,
        input=InputSpec(
            channels=3,
            sampling_rate=120.0,
            normalise="ecg-and-likeness",
            crop="whole-signal",
            multiple=CONTEXT_STRIDE,
            domain="ecg",
        ),
        classes=len(AAMI),
        stages=("stem", "stage1", "stage2", "stage3", "context", "head"),
        first_conv="stem.conv",
        head="head.cells",
        default_layer="stage2",
        paper="Redmon et al., You Only Look Once, CVPR 2016; Yu and Koltun, Multi-Scale Context "
        "Aggregation by Dilated Convolutions, ICLR 2016",
        weights=(
            Weights(
                dim=1,
                classes=AAMI,
                file="ecg-beats.safetensors",
                license="ODC-By 1.0 (MIT-BIH Arrhythmia Database, PhysioNet)",
                trained_on="MIT-BIH Arrhythmia Database, the 22 records of DS1",
            ),
        ),
        decoder={"stride": STRIDE, "threshold": 0.4, "refractory_s": 0.2, "unsure": 0.6},
    ),
)
