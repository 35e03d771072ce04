"""LeNet-5 in one, two or three dimensions.

LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition",
section II.B and figure 2, with that paper's layer names (C1, S2, C3, S4, C5, F6). What is built
is the variant in use today: rectifiers instead of scaled tanh, max pooling instead of trainable
averages, C3 connected to all maps of S2 instead of table I, a linear output instead of radial
basis functions.
"""

from collections.abc import Callable

from torch import Tensor, nn

from models.nd import Nd
from models.nets.blocks import initialise
from models.spec import InputSpec, ModelSpec, Weights

PAPER = "LeCun et al. 1998, Gradient-based learning applied to document recognition, Proc. IEEE"
STAGES = ("c1", "s2", "c3", "s4", "c5", "f6", "output")
DIGITS = tuple("0123456789")


class LeNet(nn.Module):
    """Convolutions 6@5, 16@5, 120@5 with pooling by 2 between, then 84 units and the classes.

    (N, in_channels, *(32 - 2 * padding,) * dim) to (N, classes): `padding` 2 takes 28 samples per
    axis to the 32 of the paper.
    """

    def __init__(self, nd: Nd, in_channels: int, classes: int, padding: int = 0) -> None:
        super().__init__()
        self.c1 = nd.conv(in_channels, 6, kernel_size=5, padding=padding)
        self.relu1 = nn.ReLU()
        self.s2 = nd.max_pool(2)
        self.c3 = nd.conv(6, 16, kernel_size=5)
        self.relu3 = nn.ReLU()
        self.s4 = nd.max_pool(2)
        self.c5 = nd.conv(16, 120, kernel_size=5)
        self.relu5 = nn.ReLU()
        self.flatten = nn.Flatten()
        self.f6 = nn.Linear(120, 84)
        self.relu6 = nn.ReLU()
        self.output = nn.Linear(84, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.s2(self.relu1(self.c1(x)))  # (N, 6, *14)
        x = self.s4(self.relu3(self.c3(x)))  # (N, 16, *5)
        x = self.flatten(self.relu5(self.c5(x)))  # (N, 120, *1) to (N, 120)
        return self.output(self.relu6(self.f6(x)))


def _builder(padding: int) -> Callable[[int, int, int], nn.Module]:
    def build(dim: int, in_channels: int, classes: int) -> nn.Module:
        return LeNet(Nd(dim), in_channels, classes, padding)

    return build


SPECS = (
    ModelSpec(
        name="lenet5",
        title="LeNet-5",
        family="lenet",
        task="classification",
        dims=(1, 2, 3),
        build=_builder(padding=0),
        input=InputSpec(size=(32,)),
        classes=10,
        stages=STAGES,
        first_conv="c1",
        head="output",
        paper=PAPER,
        default_layer="c3",
    ),
    ModelSpec(
        name="lenet5-mnist",
        title="LeNet-5, handwritten digits",
        family="lenet",
        task="classification",
        dims=(2,),
        build=_builder(padding=2),
        input=InputSpec(
            size=(28, 28),
            normalise="fixed",
            mean=(0.1307,),
            std=(0.3081,),
            crop="digit",
            domain="digit",
        ),
        classes=10,
        stages=STAGES,
        first_conv="c1",
        head="output",
        paper=PAPER,
        weights=(
            Weights(
                dim=2,
                classes=DIGITS,
                file="lenet5-mnist.safetensors",
                trained_on="MNIST-like handwritten digits, 28x28",
            ),
        ),
        default_layer="c3",
    ),
)
