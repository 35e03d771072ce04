"""The registry: every network in every dimension, official layouts, loading and its errors."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from models import registry
from models import weights as files
from models.registry import Registry, UnknownModel
from models.spec import Weights

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "resnets.json").read_text())
EVERY = [(spec.name, dim) for spec in registry.specs() for dim in spec.dims]


def example(name: str, dim: int, batch: int = 2) -> torch.Tensor:
    """A small input of a network: its own size, or two positions after 32-fold reduction."""
    spec = registry.find(name).input
    side = 33 if spec.multiple == 1 else 2 * spec.multiple
    size = spec.size_for(dim) or (side,) * dim
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, spec.channels, *size, generator=generator)


@pytest.mark.parametrize(("name", "dim"), EVERY)
def test_every_network_runs_and_every_parameter_gets_a_gradient(name, dim):
    torch.manual_seed(0)
    net = registry.create(name, dim)
    output = net(example(name, dim))
    assert output.shape[0] == 2
    # Random factors: the plain sum over a batch-normalised axis has no gradient.
    (output * torch.randn_like(output)).sum().backward()
    without = [key for key, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@pytest.mark.parametrize(("name", "dim"), EVERY)
def test_named_layers_exist_and_no_activation_works_in_place(name, dim):
    spec = registry.find(name)
    with torch.device("meta"):
        net = registry.create(name, dim)
    modules = dict(net.named_modules())
    first, head = modules[spec.first_conv], modules[spec.head]
    assert first.in_channels == spec.input.channels
    assert head.weight.shape[0] >= spec.classes
    assert {*spec.stages, spec.default_layer} <= set(modules)
    assert not any(getattr(module, "inplace", False) for module in net.modules())


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_resnet_state_dicts_equal_the_official_ones(name):
    with torch.device("meta"):
        net = registry.create(name, 2)
    own = [[key, list(value.shape)] for key, value in net.state_dict().items()]
    assert own == GOLDEN[name]["state_dict"]
    assert sum(p.numel() for p in net.parameters()) == GOLDEN[name]["parameters"]
    assert registry.find(name).weights_for(2).file == GOLDEN[name]["file"]


def test_resnet20_loads_the_public_checkpoint_strictly(weights_dir, monkeypatch):
    monkeypatch.setenv("CONVSCOPE_WEIGHTS", str(weights_dir))
    file = weights_dir / "resnet20-12fca82f.th"
    if not file.is_file():
        pytest.skip(f"no {file.name} in {weights_dir}")
    net = registry.load("resnet20")
    state = files.read(file)
    own = {k: v.shape for k, v in net.state_dict().items() if "num_batches" not in k}
    assert own == {key: value.shape for key, value in state.items()}
    assert torch.equal(net.layer2[0].conv1.weight, state["layer2.0.conv1.weight"])
    assert not net.training
    by_path = registry.load("resnet20", weights=file, dim=2)
    assert torch.equal(by_path.linear.weight, net.linear.weight)


@pytest.mark.parametrize(
    "name", [s.name for s in registry.specs() if s.shipped and (s.weights_for() or 0)]
)
def test_shipped_weights_load_and_answer(name):
    spec = registry.find(name)
    row = spec.weights_for()
    net = registry.load(name)
    assert torch.isfinite(net(example(name, row.dim, batch=1))).all()
    assert len(row.classes) == spec.classes


def test_hippocampus_network_is_small():
    net = registry.create("resnet3d-hippocampus", 3)
    assert sum(p.numel() for p in net.parameters()) <= 505_000


def test_lenet5_has_the_parameters_of_the_paper():
    # LeCun et al. 1998, section II.B: C1 156, C5 48,120, F6 10,164; C3 has 2,416 where it is
    # connected to all maps of S2 (the paper's table I leaves 900 weights out).
    net = registry.create("lenet5", 2)
    counts = {
        name: sum(p.numel() for p in getattr(net, name).parameters())
        for name in ("c1", "c3", "c5", "f6")
    }
    assert counts == {"c1": 156, "c3": 2416, "c5": 48120, "f6": 10164}


def test_create_takes_other_channels_and_classes():
    net = registry.create("resnet18", dim=1, in_channels=12, classes=5)
    assert net(torch.zeros(2, 12, 64)).shape == (2, 5)


def test_names_are_filtered_by_dimension_and_task():
    assert "resnet3d-hippocampus" in registry.names(dims=3)
    assert "resnet3d-hippocampus" not in registry.names(dims=2)
    assert "resnet18" not in registry.names(task="beats")
    assert registry.names() == [spec.name for spec in registry.specs()]


def test_an_unknown_name_lists_near_ones():
    with pytest.raises(UnknownModel, match=r"no network 'resnet81'; near names: .*resnet18"):
        registry.find("resnet81")


def test_a_wrong_dimension_says_which_there_are():
    with pytest.raises(ValueError, match=r"got dim=1 for lenet5-mnist, expected one of \(2,\)"):
        registry.create("lenet5-mnist", 1)


def test_a_duplicate_name_raises():
    with pytest.raises(ValueError, match="two networks are named 'lenet5'"):
        registry.extended(registry.find("lenet5"))


def test_a_session_registry_leaves_the_shared_one_alone():
    own = registry.extended(replace(registry.find("lenet5"), name="mine"))
    assert "mine" in own.names()
    assert "mine" not in registry.names()


def test_missing_official_weights_say_where_to_put_them(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVSCOPE_WEIGHTS", str(tmp_path))
    with pytest.raises(files.WeightsError, match=r"resnet18-f37072fd\.pth is not in .*https://"):
        registry.load("resnet18")


def test_a_network_without_trained_weights_says_so():
    with pytest.raises(files.WeightsError, match="no trained weights of lenet5"):
        registry.load("lenet5")


def test_official_files_are_checked_and_other_names_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVSCOPE_WEIGHTS", str(tmp_path))
    net = registry.create("lenet5", 2)
    row = Weights(2, (), "official.safetensors", "0000", shipped=False, other_names=("also.th",))
    own = Registry([replace(registry.find("lenet5"), weights=(row,))])
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in net.state_dict().items()}},
        tmp_path / "also.th",
    )
    assert torch.equal(own.load("lenet5").c1.weight, net.c1.weight)
    files.save(net, tmp_path / "official.safetensors")
    with pytest.raises(files.WeightsError, match="damaged or altered"):
        own.load("lenet5")
    loaded = own.load("lenet5", weights=tmp_path / "official.safetensors")
    assert isinstance(loaded, nn.Module)
