"""Networks that find named points in one, two or three dimensions: a heatmap for each.

The body is a U-Net, its head one map per landmark; `models.decode.landmarks` reads positions from
the maps, finer than their grid. Sun et al. 2018, "Integral human pose
regression", ECCV; heatmaps by a U-Net in 3D: Payer et al. 2016, "Regressing heatmaps for multiple
landmark localization using CNNs", MICCAI.
"""

from collections.abc import Callable

from torch import nn

from models.nd import Nd
from models.nets.unet import Design, UNet
from models.spec import InputSpec, ModelSpec, Weights

PAPER = "Sun et al. 2018, Integral human pose regression, ECCV; body: Ronneberger et al. 2015"
HIPPOCAMPUS = ("anterior", "posterior")  # centres of mass of the two parts

BODY = Design(widths=(8, 16, 32, 64))


def landmark_builder(design: Design) -> Callable[[int, int, int], nn.Module]:
    """`build(dim, in_channels, landmarks)` of a U-Net with one map per landmark."""

    def build(dim: int, in_channels: int, classes: int) -> nn.Module:
        return UNet(Nd(dim), in_channels, classes, design)

    return build


def _spec(name: str, title: str, **fields: object) -> ModelSpec:
    return ModelSpec(
        name=name,
        title=title,
        family="landmarks",
        task="landmarks",
        build=landmark_builder(BODY),
        stages=BODY.stages,
        first_conv="down0.conv1",
        head="head",
        default_layer="up1",
        paper=PAPER,
        decoder={"stride": 2**BODY.top, "radius": 3.0},
        **fields,
    )


SPECS = (
    _spec(
        "landmarks",
        "Landmarks by heatmaps",
        dims=(1, 2, 3),
        input=InputSpec(multiple=BODY.multiple),
        classes=2,
    ),
    _spec(
        "landmarks3d-hippocampus",
        "Landmarks, both ends of the hippocampus",
        dims=(3,),
        input=InputSpec(
            # Centres of parts of 10 mm and more: a mean place is far finer than this grid.
            spacing=2.0,
            normalise="percentiles",
            crop="region",
            multiple=BODY.multiple,
            domain="mr-patch",
        ),
        classes=len(HIPPOCAMPUS),
        weights=(
            Weights(
                dim=3,
                classes=HIPPOCAMPUS,
                file="landmarks3d-hippocampus.safetensors",
                license="CC BY-SA 4.0, as the Medical Segmentation Decathlon",
                trained_on="T1 MR crops around one hippocampus",
            ),
        ),
    ),
)
