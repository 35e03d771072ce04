"""A private copy of a network whose weights are drawn anew: what it knew is gone."""

import copy

import torch
from torch import nn

from models.locks import lock_of


def randomised(net: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of `net` in eval mode; each kernel and matrix is normal with its old mean and spread.

    Biases and the statistics of norms stay, so that activations keep their range. Adebayo et al.,
    "Sanity checks for saliency maps", NeurIPS 2018, section 3.
    """
    with lock_of(net):
        other = copy.deepcopy(net).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in other.parameters():
            if weight.ndim > 1:
                noise = torch.randn(weight.shape, generator=generator).to(weight)
                spread = weight.std(correction=0)
                weight.copy_(weight.mean() + spread * noise)
    return other
