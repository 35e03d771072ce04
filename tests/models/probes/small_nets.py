"""Small networks of every rank for the tests of probes, and an input for each."""

import numpy as np
import torch
from torch import nn

from models.nd import Nd

SIDES = {1: (32,), 2: (12, 10), 3: (8, 6, 7)}


class Pooled(nn.Module):
    """Two convolutions, global average pooling and one linear layer."""

    def __init__(self, dim: int, *, inplace: bool = False) -> None:
        super().__init__()
        nd = Nd(dim)
        self.conv1 = nd.conv(2, 5, 3, padding=1)
        self.relu1 = nn.ReLU(inplace=inplace)
        self.conv2 = nd.conv(5, 6, 3, stride=2, padding=1)
        self.relu2 = nn.ReLU(inplace=inplace)
        self.pool = nd.adaptive_avg_pool(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = self.relu2(self.conv2(self.relu1(self.conv1(x))))
        return self.head(self.flatten(self.pool(x)))


class Dense(nn.Module):
    """A score of three classes at every place of the input."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        nd = Nd(dim)
        self.conv1 = nd.conv(2, 4, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.conv2 = nd.conv(4, 3, 3, padding=1)

    def forward(self, x):
        return self.conv2(self.relu1(self.conv1(x)))


def case(dim: int, kind=Pooled, **options) -> tuple[nn.Module, np.ndarray]:
    torch.manual_seed(dim)
    net = kind(dim, **options).eval()
    x = np.random.default_rng(dim).normal(size=(2, *SIDES[dim])).astype(np.float32)
    return net, x
