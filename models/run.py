"""The one way to run a network: under its lock, on its device, no state left behind."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

_LOCKS: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
_LOCKS_GUARD = threading.Lock()


def lock_of(net: nn.Module) -> threading.RLock:
    """The lock every pass through `net` is made under; the same object for the same module."""
    with _LOCKS_GUARD:
        return _LOCKS.setdefault(net, threading.RLock())


def dim_of(net: nn.Module) -> int:
    """Number of spatial axes of a network, read off its first convolution; ValueError if none."""
    for module in net.modules():
        if isinstance(module, _ConvNd):
            return len(module.kernel_size)
    raise ValueError(f"{type(net).__name__} has no convolution: its rank is unknown")


def as_batch(net: nn.Module, array: np.ndarray | Tensor) -> Tensor:
    """`array` (C, *S) or (N, C, *S) as a batch on the network's device, in its precision.

    Raises ValueError when the number of axes is neither.
    """
    dim = dim_of(net)
    tensor = torch.as_tensor(array)
    if tensor.ndim not in (dim + 1, dim + 2):
        raise ValueError(
            f"got an array of {tensor.ndim} axes, expected (C, *S) or (N, C, *S) "
            f"with {dim} spatial axes"
        )
    parameter = next(net.parameters())
    batch = tensor if tensor.ndim == dim + 2 else tensor[None]
    return batch.to(parameter.device, parameter.dtype)


@contextmanager
def quiet(net: nn.Module) -> Iterator[None]:
    """Hold the network's lock with every module in eval mode and without autograd."""
    with lock_of(net), torch.inference_mode():
        training = [module for module in net.modules() if module.training]
        for module in training:
            module.training = False
        try:
            yield
        finally:
            for module in training:
                module.training = True


def run(net: nn.Module, array: np.ndarray | Tensor) -> Any:
    """One pass of `array` (C, *S) or (N, C, *S); the output on the CPU, with the batch axis.

    The output keeps its structure: a tensor, or tuples, lists and mappings of tensors.
    """
    with quiet(net):
        return _on_cpu(net(as_batch(net, array)))


def _on_cpu(output: Any) -> Any:
    if isinstance(output, Tensor):
        return output.cpu()
    if isinstance(output, Mapping):
        return {name: _on_cpu(value) for name, value in output.items()}
    if isinstance(output, (tuple, list)):
        return type(output)(_on_cpu(value) for value in output)
    return output
