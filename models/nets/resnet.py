"""Residual networks of basic and bottleneck blocks in one, two or three dimensions.

He, Zhang, Ren, Sun 2016, "Deep residual learning for image recognition". At dim 2 the names and
shapes of `resnet18` ... `resnet152` are those of the official torchvision checkpoints (stride on
the 3x3 of a bottleneck, "v1.5"), those of `resnet20` of the public CIFAR-10 checkpoint.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from models.nd import Nd
from models.nets.blocks import SubsampleAndPad, initialise
from models.spec import InputSpec, ModelSpec, Weights

PAPER = "He et al. 2016, Deep residual learning for image recognition, CVPR"


class BasicBlock(nn.Module):
    """Two convolutions of width 3 and a shortcut: (N, C, *S) to (N, width, *ceil(S / stride))."""

    expansion = 1

    def __init__(
        self, nd: Nd, in_channels: int, width: int, stride: int, shortcut: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = nd.conv(in_channels, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nd.batch_norm(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nd.conv(width, width, 3, padding=1, bias=False)
        self.bn2 = nd.batch_norm(width)
        self.downsample = shortcut
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out = out + identity
        return self.relu2(out)


class Bottleneck(nn.Module):
    """Convolutions of width 1, 3, 1 and a shortcut: (N, C, *S) to (N, 4 width, *S / stride)."""

    expansion = 4

    def __init__(
        self, nd: Nd, in_channels: int, width: int, stride: int, shortcut: nn.Module | None
    ) -> None:
        super().__init__()
        wide = width * self.expansion
        self.conv1 = nd.conv(in_channels, width, 1, bias=False)
        self.bn1 = nd.batch_norm(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nd.conv(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nd.batch_norm(width)
        self.relu2 = nn.ReLU()
        self.conv3 = nd.conv(width, wide, 1, bias=False)
        self.bn3 = nd.batch_norm(wide)
        self.downsample = shortcut
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out = out + identity
        return self.relu3(out)


@dataclass(frozen=True)
class Design:
    """One row of the family: blocks per stage, channels of the first stage, stem and shortcut.

    The stem is one convolution (`stem_kernel`, `stem_stride`), max pooled by 2 where `stem_pool`;
    each later stage halves the grid and doubles the width. `projection`: a shortcut that changes
    shape is a convolution (option B), else subsampling and zero channels (option A). `head` is
    the name of the last layer in the published checkpoint.
    """

    block: type[BasicBlock] | type[Bottleneck]
    repeats: tuple[int, ...]
    width: int = 64
    stem_kernel: int = 7
    stem_stride: int = 2
    stem_pool: bool = True
    projection: bool = True
    head: str = "fc"

    @property
    def stages(self) -> tuple[str, ...]:
        stem = ("conv1", "maxpool") if self.stem_pool else ("conv1",)
        return (*stem, *(f"layer{i + 1}" for i in range(len(self.repeats))), self.head)


class ResNet(nn.Module):
    """Stem, residual stages, global average, linear head: (N, in_channels, *S) to (N, classes)."""

    def __init__(self, nd: Nd, in_channels: int, classes: int, design: Design) -> None:
        super().__init__()
        self.design = design
        kernel = design.stem_kernel
        self.conv1 = nd.conv(
            in_channels, design.width, kernel, design.stem_stride, kernel // 2, bias=False
        )
        self.bn1 = nd.batch_norm(design.width)
        self.relu = nn.ReLU()
        if design.stem_pool:
            self.maxpool = nd.max_pool(3, stride=2, padding=1)
        channels = design.width
        for i, repeats in enumerate(design.repeats):
            stage = _stage(nd, design, channels, design.width * 2**i, repeats, 1 if i == 0 else 2)
            self.add_module(f"layer{i + 1}", stage)
            channels = design.width * 2**i * design.block.expansion
        self.avgpool = nd.adaptive_avg_pool(1)
        self.flatten = nn.Flatten()
        self.add_module(design.head, nn.Linear(channels, classes))
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        if self.design.stem_pool:
            x = self.maxpool(x)
        for i in range(len(self.design.repeats)):
            x = self.get_submodule(f"layer{i + 1}")(x)
        x = self.flatten(self.avgpool(x))  # (N, C, *S) to (N, C)
        return self.get_submodule(self.design.head)(x)


def _stage(
    nd: Nd, design: Design, in_channels: int, width: int, repeats: int, stride: int
) -> nn.Sequential:
    """`repeats` blocks of one width; the first one changes the grid and the channels."""
    out_channels = width * design.block.expansion
    shortcut = _shortcut(nd, design, in_channels, out_channels, stride)
    blocks = [design.block(nd, in_channels, width, stride, shortcut)]
    blocks += [design.block(nd, out_channels, width, 1, None) for _ in range(repeats - 1)]
    return nn.Sequential(*blocks)


def _shortcut(
    nd: Nd, design: Design, in_channels: int, out_channels: int, stride: int
) -> nn.Module | None:
    if stride == 1 and in_channels == out_channels:
        return None
    if not design.projection:
        return SubsampleAndPad(nd, out_channels - in_channels, stride)
    projection = nd.conv(in_channels, out_channels, 1, stride=stride, bias=False)
    return nn.Sequential(projection, nd.batch_norm(out_channels))


def _builder(design: Design) -> Callable[[int, int, int], nn.Module]:
    def build(dim: int, in_channels: int, classes: int) -> nn.Module:
        return ResNet(Nd(dim), in_channels, classes, design)

    return build


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PHOTO = InputSpec(
    channels=3,
    normalise="fixed",
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    domain="photo",
)
CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
HIPPOCAMPUS = ("anterior", "posterior", "not hippocampus")
ADRENAL = ("normal", "hyperplasia")  # in the order of MedMNIST's labels

# Blocks per stage: He et al. 2016, table 1; file and sha256 prefix: the published file names.
IMAGENET_ROWS = (
    ("resnet18", Design(BasicBlock, (2, 2, 2, 2)), "f37072fd"),
    ("resnet34", Design(BasicBlock, (3, 4, 6, 3)), "b627a593"),
    ("resnet50", Design(Bottleneck, (3, 4, 6, 3)), "0676ba61"),
    ("resnet101", Design(Bottleneck, (3, 4, 23, 3)), "63fe2227"),
    ("resnet152", Design(Bottleneck, (3, 8, 36, 3)), "394f9c45"),
)


def _spec(name: str, title: str, design: Design, **fields: object) -> ModelSpec:
    return ModelSpec(
        name=name,
        title=title,
        family="resnet",
        task="classification",
        build=_builder(design),
        stages=design.stages,
        first_conv="conv1",
        head=design.head,
        paper=PAPER,
        default_layer="layer1",
        **fields,
    )


def _imagenet_spec(name: str, design: Design, sha256: str) -> ModelSpec:
    file = f"{name}-{sha256}.pth"
    weights = Weights(
        dim=2,
        classes=tuple(f"ImageNet class {i}" for i in range(1000)),
        file=file,
        sha256=sha256,
        shipped=False,
        url=f"https://download.pytorch.org/models/{file}",
        license="BSD-3-Clause",
        trained_on="ImageNet-1k",
    )
    title = name.replace("resnet", "ResNet-")
    return _spec(name, title, design, dims=(1, 2, 3), input=PHOTO, classes=1000, weights=(weights,))


SPECS = (
    *(_imagenet_spec(*row) for row in IMAGENET_ROWS),
    _spec(
        "resnet20",
        "ResNet-20, small photographs",
        # He et al. 2016, section 4.2: three stages of 16, 32, 64 channels, option A shortcuts.
        Design(
            BasicBlock,
            (3, 3, 3),
            width=16,
            stem_kernel=3,
            stem_stride=1,
            stem_pool=False,
            projection=False,
            head="linear",
        ),
        dims=(1, 2, 3),
        input=PHOTO,
        classes=10,
        weights=(
            Weights(
                dim=2,
                classes=CIFAR10,
                file="resnet20-12fca82f.th",
                sha256="12fca82f",
                shipped=False,
                url="https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/"
                "pretrained_models/resnet20-12fca82f.th",
                license="BSD-2-Clause",
                trained_on="CIFAR-10",
            ),
        ),
    ),
    _spec(
        "resnet3d-hippocampus",
        "Small ResNet, hippocampus patches",
        Design(BasicBlock, (1, 2, 2), width=16, stem_kernel=3, stem_stride=2, stem_pool=False),
        dims=(3,),
        input=InputSpec(
            size=(20, 20, 20),
            spacing=1.0,
            normalise="percentiles",
            crop="patch",
            domain="mr-patch",
        ),
        classes=3,
        weights=(
            Weights(
                dim=3,
                classes=HIPPOCAMPUS,
                file="resnet3d-hippocampus.safetensors",
                trained_on="T1 MR patches of 20 mm",
            ),
        ),
    ),
    _spec(
        "resnet3d-adrenal",
        "Small ResNet, shape of an adrenal gland",
        Design(BasicBlock, (1, 1, 1), width=16, stem_kernel=3, stem_stride=2, stem_pool=False),
        dims=(3,),
        input=InputSpec(
            channels=2,
            size=(24, 24, 24),
            spacing=2.0,
            normalise="fixed",
            mean=(0.0, 0.0),
            std=(1.0, 0.3),
            crop="shape",
            domain="binary-mask",
        ),
        classes=2,
        # Left and right glands are mirror images, and masks elsewhere may lie in any orientation.
        decoder={"mirrored": True},
        weights=(
            Weights(
                dim=3,
                classes=ADRENAL,
                file="resnet3d-adrenal.safetensors",
                license="CC BY 4.0 (MedMNIST v2, doi 10.1038/s41597-022-01721-8)",
                trained_on="AdrenalMNIST3D, shapes of glands cut out of abdominal CT",
            ),
        ),
    ),
)
