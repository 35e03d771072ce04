"""U-Net in one, two or three dimensions: down to coarse maps, up again, joined at every level.

Ronneberger, Fischer, Brox 2015, "U-Net: Convolutional networks for biomedical image
segmentation", figure 1; in 3D Cicek et al. 2016, "3D U-Net", MICCAI, whose batch norm before each
ReLU is built here in every dimension. Convolutions are padded, so that maps of one level have one
size and nothing is cropped before they are joined.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.nd import Nd
from models.nets.blocks import initialise
from models.records import AAMI
from models.spec import InputSpec, ModelSpec, Weights

PAPER = "Ronneberger et al. 2015, U-Net: Convolutional networks for biomedical image segmentation"


@dataclass(frozen=True)
class Design:
    """One row of the family: channels per level, and how levels are left and reached.

    `widths` are those of the levels of stride 1, 2, 4, ...; the way up ends at level `top`, 0
    being the input's own resolution. A level is entered by max pooling, or by a `strided` first
    convolution; left upwards by a transposed convolution, or `interpolated`: repeated and
    convolved. `dropout` is applied to the coarsest maps (section 3.1 of the paper).
    """

    widths: tuple[int, ...]
    kernel: int = 3
    top: int = 0
    strided: bool = False
    interpolated: bool = False
    dropout: float = 0.0

    @property
    def multiple(self) -> int:
        """What every extent of an input must be a multiple of."""
        return 2 ** (len(self.widths) - 1)

    @property
    def stages(self) -> tuple[str, ...]:
        downs = (f"down{level}" for level in range(len(self.widths)))
        ups = (f"up{level}" for level in self.upwards)
        return (*downs, *ups, "head")

    @property
    def upwards(self) -> range:
        """The levels that the way up comes to, in its order."""
        return range(len(self.widths) - 2, self.top - 1, -1)


class DoubleConv(nn.Module):
    """Convolution, norm and ReLU, twice: (N, inputs, *S) to (N, outputs, *S / stride)."""

    def __init__(self, nd: Nd, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        padding = kernel // 2
        self.conv1 = nd.conv(inputs, outputs, kernel, stride, padding, bias=False)
        self.norm1 = nd.batch_norm(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nd.conv(outputs, outputs, kernel, padding=padding, bias=False)
        self.norm2 = nd.batch_norm(outputs)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(x)))


class Down(nn.Module):
    """To the next coarser level: (N, inputs, *S) to (N, outputs, *S / 2)."""

    def __init__(self, nd: Nd, inputs: int, outputs: int, design: Design) -> None:
        super().__init__()
        self.pool = nn.Identity() if design.strided else nd.max_pool(2)
        stride = 2 if design.strided else 1
        self.convs = DoubleConv(nd, inputs, outputs, design.kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.convs(self.pool(x))


class Up(nn.Module):
    """To the next finer level, where the maps of the way down are joined on.

    (N, inputs, *S / 2) and (N, outputs, *S) to (N, outputs, *S).
    """

    def __init__(self, nd: Nd, inputs: int, outputs: int, design: Design) -> None:
        super().__init__()
        if design.interpolated:
            self.grow = nn.Sequential(
                nn.Upsample(scale_factor=2.0, mode="nearest"),
                nd.conv(inputs, outputs, design.kernel, padding=design.kernel // 2),
            )
        else:
            self.grow = nd.conv_transpose(inputs, outputs, 2, stride=2)
        self.convs = DoubleConv(nd, 2 * outputs, outputs, design.kernel)

    def forward(self, x: Tensor, skipped: Tensor) -> Tensor:
        return self.convs(torch.cat([skipped, self.grow(x)], dim=1))


class UNet(nn.Module):
    """(N, in_channels, *S) to (N, outputs, *S / 2**top); extents multiples of `design.multiple`.

    Maps of one level lie on one grid: units of stride s are centred at (s - 1) / 2 + s * u, in the
    middle of the s samples they stand for; with `strided` designs at s * u on the way down.
    """

    def __init__(self, nd: Nd, in_channels: int, outputs: int, design: Design) -> None:
        super().__init__()
        self.design = design
        widths = design.widths
        self.down0 = DoubleConv(nd, in_channels, widths[0], design.kernel)
        for level in range(1, len(widths)):
            self.add_module(f"down{level}", Down(nd, widths[level - 1], widths[level], design))
        self.dropout = nd.dropout(design.dropout)
        for level in design.upwards:
            self.add_module(f"up{level}", Up(nd, widths[level + 1], widths[level], design))
        self.head = nd.conv(widths[design.top], outputs, 1)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        skipped = []
        for level in range(len(self.design.widths)):
            x = getattr(self, f"down{level}")(x)  # (N, widths[level], *S / 2**level)
            skipped.append(x)
        x = self.dropout(x)
        for level in self.design.upwards:
            x = getattr(self, f"up{level}")(x, skipped[level])
        return self.head(x)


# Down to 0.53 s per unit, so that a cell sees some 18 s around it; up to one cell per 8 samples.
BEATS = Design(widths=(12, 16, 24, 32, 40, 48, 56), kernel=7, top=3, dropout=0.35)

# 3D: 16 voxels of the coarsest maps cover a hippocampus; a tenth of what nnU-Net trains here.
HIPPOCAMPUS = Design(widths=(16, 32, 64, 128), dropout=0.1)


def _build_beats(dim: int, in_channels: int, classes: int) -> nn.Module:
    return UNet(Nd(dim), in_channels, 1 + dim + classes, BEATS)  # beat, offset per axis, classes


def _build_hippocampus(dim: int, in_channels: int, classes: int) -> nn.Module:
    return UNet(Nd(dim), in_channels, classes, HIPPOCAMPUS)


SPECS = (
    ModelSpec(
        name="ecg-unet",
        title="U-Net, ECG beats from the lead alone",
        family="unet",
        task="beats",
        dims=(1,),
        build=_build_beats,
        input=InputSpec(
            sampling_rate=120.0,
            normalise="ecg",
            crop="whole-signal",
            multiple=BEATS.multiple,
            domain="ecg",
        ),
        classes=len(AAMI),
        stages=BEATS.stages,
        first_conv="down0.conv1",
        head="head",
        default_layer="down2",
        paper=f"{PAPER}, MICCAI; beat by beat: Oh et al. 2019, Automated beat-wise arrhythmia "
        "diagnosis using modified U-net, Comput. Biol. Med. 105",
        weights=(
            Weights(
                dim=1,
                classes=AAMI,
                file="ecg-unet.safetensors",
                license="ODC-By 1.0 (MIT-BIH Arrhythmia Database, PhysioNet)",
                trained_on="MIT-BIH Arrhythmia Database, the 22 records of DS1",
            ),
        ),
        decoder={"stride": 2**BEATS.top, "threshold": 0.4, "refractory_s": 0.2, "unsure": 0.6},
    ),
    ModelSpec(
        name="unet3d-hippocampus",
        title="3D U-Net, both ends of the hippocampus voxel by voxel",
        family="unet",
        task="segmentation",
        dims=(3,),
        build=_build_hippocampus,
        input=InputSpec(
            spacing=1.0,
            normalise="tissue",
            crop="region",
            multiple=HIPPOCAMPUS.multiple,
            domain="mr-patch",
        ),
        classes=3,
        stages=HIPPOCAMPUS.stages,
        first_conv="down0.conv1",
        head="head",
        default_layer="up0",
        paper=f"{PAPER}, MICCAI; Cicek et al. 2016, 3D U-Net, MICCAI",
        weights=(
            Weights(
                dim=3,
                classes=("background", "anterior", "posterior"),
                file="unet3d-hippocampus.safetensors",
                license="CC BY-SA 4.0, as the Medical Segmentation Decathlon (arXiv:1902.09063)",
                trained_on="T1 MR crops around one hippocampus",
            ),
        ),
        # each part of a training case has 990 to 2600 mm3
        decoder={"least_mm3": 500, "most_mm3": 4000},
    ),
)
