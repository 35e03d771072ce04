"""Building pieces shared by families: initial weights and the parameter-free shortcut."""

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from models.nd import Nd


def initialise(net: nn.Module) -> nn.Module:
    """He initialisation of every convolution, ones and zeros of every batch norm; returns `net`.

    He et al. 2015, "Delving deep into rectifiers", eq. 10, with the fan out of the kernel, as
    the published residual networks have it.
    """
    for module in net.modules():
        if isinstance(module, _ConvNd):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, _BatchNorm) and module.affine:
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    return net


class SubsampleAndPad(nn.Module):
    """Shortcut "A" of He et al. 2016, section 3.3: every `stride`-th position, new channels zero.

    (N, C, *S) to (N, C + 2 * (added // 2), *ceil(S / stride)); the zeros go half before and half
    after the given channels, as in the public CIFAR-10 checkpoints.
    """

    def __init__(self, nd: Nd, added: int, stride: int) -> None:
        super().__init__()
        self.index = (slice(None), slice(None), *(slice(None, None, stride),) * nd.dim)
        self.padding = (0, 0) * nd.dim + (added // 2, added // 2)

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x[self.index], self.padding)  # (N, C + added, *S')
