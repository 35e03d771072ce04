"""One lock per network, and the state a pass is made in."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from models.device import reuse_freed_memory

_LOCKS: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
_LOCKS_GUARD = threading.Lock()


def lock_of(net: nn.Module) -> threading.RLock:
    """The lock every pass through `net` is made under; the same object for the same module."""
    with _LOCKS_GUARD:
        return _LOCKS.setdefault(net, threading.RLock())


@contextmanager
def still(net: nn.Module) -> Iterator[None]:
    """Hold the network's lock with every module in eval mode; autograd stays as it is.

    Modes are put back on leaving, so that a pass never moves a batch norm's statistics.
    """
    with lock_of(net):
        training = [module for module in net.modules() if module.training]
        for module in training:
            module.training = False
        try:
            yield
        finally:
            for module in training:
                module.training = True


@contextmanager
def quiet(net: nn.Module) -> Iterator[None]:
    """`still`, without autograd."""
    reuse_freed_memory()
    with still(net), torch.inference_mode():
        yield


def dim_of(net: nn.Module) -> int:
    """Number of spatial axes of a network, read off its first convolution; ValueError if none."""
    for module in net.modules():
        if isinstance(module, _ConvNd):
            return len(module.kernel_size)
    raise ValueError(f"{type(net).__name__} has no convolution: its rank is unknown")
