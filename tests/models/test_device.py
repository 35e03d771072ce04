"""Choosing a device by name, by environment, and refusing what is not there."""

import platform
import subprocess
import sys

import pytest
import torch

from models.device import DeviceError, choose, describe, reuse_freed_memory

resource = pytest.importorskip("resource", reason="Windows has no resource module")


@pytest.mark.parametrize("name", ["cpu", "CPU", torch.device("cpu")])
def test_a_named_device_is_taken(name):
    assert choose(name) == torch.device("cpu")


@pytest.mark.parametrize("name", [None, "auto"])
def test_the_environment_decides_where_nothing_is_named(monkeypatch, name):
    monkeypatch.setenv("CONVSCOPE_DEVICE", "cpu")
    assert choose(name).type == "cpu"


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_prefers_cuda_then_mps_then_cpu(monkeypatch, cuda, mps, expected):
    monkeypatch.delenv("CONVSCOPE_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose().type == expected


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "vulkan", "meta"])
def test_names_that_are_no_device_are_refused(name):
    with pytest.raises(DeviceError, match="expected auto, cpu, cuda, cuda:N or mps"):
        choose(name)


def test_an_absent_card_is_refused_with_the_number_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose("cuda").type == "cuda"
    with pytest.raises(DeviceError, match="cuda:1, but PyTorch sees 1 CUDA devices"):
        choose("cuda:1")


def test_a_missing_metal_device_is_refused(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="no Metal support"):
        choose("mps")


def test_the_description_names_the_device():
    assert describe(torch.device("cpu")).startswith("cpu: ")


FAULTS = """
import resource
from models.device import reuse_freed_memory

assert reuse_freed_memory()
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    maps = [bytearray(2**21) for _ in range(20)]
    del maps
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_freed_maps_are_used_again_instead_of_fresh_pages(root):
    # A process of its own: the heap of this one has holes from the tests before.
    command = [sys.executable, "-c", FAULTS]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    last = int(done.stdout.split()[-1])
    assert last < 20 * 2**21 // resource.getpagesize() / 20


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert reuse_freed_memory.__wrapped__() is False
