"""Reading and loading weights: strict, and safe against hostile files."""

import hashlib
import pickle

import pytest
import torch
from torch import nn

from models import registry
from models.weights import WeightsError, load_strict, read, save, sha256


@pytest.fixture
def net() -> nn.Module:
    return nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2))


def test_safetensors_round_trip_keeps_every_tensor(net, tmp_path):
    state = read(save(net, tmp_path / "net.safetensors"))
    assert set(state) == set(net.state_dict())
    assert all(torch.equal(state[k], v) for k, v in net.state_dict().items())


@pytest.mark.parametrize("suffix", [".pth", ".th", ".pt"])
def test_checkpoints_are_unwrapped_and_unprefixed(net, tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    wrapped = {f"module.{key}": value for key, value in net.state_dict().items()}
    torch.save({"best_prec1": 90.0, "state_dict": wrapped}, path)
    assert list(read(path)) == list(net.state_dict())


class _Hostile:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code in a weights file was run')",))


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / "hostile.pth"
    path.write_bytes(pickle.dumps({"state_dict": _Hostile()}, protocol=2))
    with pytest.raises(WeightsError, match=r"cannot read weights from hostile\.pth"):
        read(path)
    torch.save({"state_dict": _Hostile()}, path)
    with pytest.raises(WeightsError, match=r"cannot read weights from hostile\.pth"):
        read(path)


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x00" * 64])
def test_damaged_files_are_refused_in_one_line(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot read weights from") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_file_without_tensors_are_named(tmp_path):
    with pytest.raises(WeightsError, match="no weights file at"):
        read(tmp_path / "absent.pth")
    torch.save([1, 2, 3], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="holds no state dict"):
        read(tmp_path / "list.pth")


def test_the_first_differing_keys_are_named(net):
    state = net.state_dict()
    del state["0.bias"]
    state["extra"] = torch.zeros(1)
    state["1.weight"] = torch.zeros(3)
    with pytest.raises(WeightsError) as caught:
        load_strict(net, state)
    assert "missing: 0.bias" in str(caught.value)
    assert "unexpected: extra" in str(caught.value)
    assert "other shape: 1.weight (3,) (expected (2,))" in str(caught.value)


def test_renaming_maps_prefixes_of_the_file(net):
    state = {f"features.{key}": torch.full_like(v, 2) for key, v in net.state_dict().items()}
    load_strict(net, state, rename=(("features.", ""),))
    assert (net[0].weight == 2).all()


def test_batch_counters_may_be_missing(net):
    state = {k: v for k, v in net.state_dict().items() if "num_batches" not in k}
    assert load_strict(net, state) is net


def test_sha256_equals_hashlib(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()


def test_official_weights_count_as_trained_once_their_file_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVSCOPE_WEIGHTS", str(tmp_path))
    assert registry.trained("ecg-beats", 1)
    assert not registry.trained("ecg-beats", 2)
    assert not registry.trained("resnet20", 2)
    torch.save(registry.create("resnet20", 2).state_dict(), tmp_path / "resnet20-12fca82f.th")
    assert registry.trained("resnet20", 2)
