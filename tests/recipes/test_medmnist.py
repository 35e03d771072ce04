"""MedMNIST volumes: fetched and checked, and networks for data sets of other classes."""

import hashlib
import http.server
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from dashboard.recipes import RECIPES, UnsuitableData, medmnist, resnet3d_adrenal
from dashboard.recipes.classification import feed, normalised, unit_range
from dashboard.recipes.medmnist import File
from models import registry, zoo

DATA = b"a published file" * 1000
GOOD = File("good.npz", hashlib.md5(DATA).hexdigest(), hashlib.sha256(DATA).hexdigest())


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        code = {"/absent.npz?download=1": 404}.get(self.path, 200)
        cut = 100 if self.path.startswith("/cut") else 0
        self.send_response(code)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA[cut:])

    def log_message(self, *_):
        """Nothing: the tests' output stays readable."""


@pytest.fixture
def asked(monkeypatch):
    """A local stand-in for Zenodo; the paths it was asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setattr(medmnist, "SERVER", f"http://127.0.0.1:{server.server_port}")
    yield server.asked
    server.shutdown()
    server.server_close()


def refused(file: File) -> str:
    with pytest.raises(UnsuitableData) as caught:
        medmnist.fetch(file)
    assert "--data" in str(caught.value)
    return str(caught.value)


def test_a_published_file_is_fetched(asked):
    assert medmnist.fetch(GOOD) == DATA
    assert asked == ["/good.npz?download=1"]


@pytest.mark.parametrize("sums", [{"md5": "0" * 32}, {"sha256": "0" * 64}])
def test_a_file_of_another_checksum_is_refused(asked, sums):
    assert "not kept" in refused(replace(GOOD, **sums))


def test_what_the_server_cannot_give_says_where_to_get_it(asked, monkeypatch):
    assert "error 404" in refused(replace(GOOD, name="absent.npz"))
    assert "not kept" in refused(replace(GOOD, name="cut.npz"))  # less came than was promised
    monkeypatch.setattr(medmnist, "MOST_BYTES", 500)
    assert "is larger than" in refused(GOOD)
    monkeypatch.setattr(medmnist, "SERVER", "http://127.0.0.1:9")
    assert "cannot be reached" in refused(GOOD)


def test_an_empty_folder_gets_the_data_set_it_is_named_for(asked, tmp_path, monkeypatch):
    monkeypatch.setitem(medmnist.FILES, "organmnist3d", (GOOD, replace(GOOD, name="good_64.npz")))
    folder = tmp_path / "OrganMNIST3D"
    folder.mkdir()
    (step,) = medmnist.present(folder)
    assert "fetching good_64.npz from Zenodo" in step.message
    assert (folder / "good_64.npz").read_bytes() == DATA
    assert list(medmnist.present(folder)) == []
    assert len(asked) == 1


def test_a_refused_file_leaves_the_folder_empty(asked, tmp_path):
    with pytest.raises(UnsuitableData, match="not kept"):
        list(RECIPES["resnet3d-adrenal"].evaluate(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_checksums_of_the_local_record_are_those_published(data_dir):
    source = (data_dir / "adrenalmnist3d" / "SOURCE.md").read_text()
    small, large = medmnist.FILES["adrenalmnist3d"]
    assert small.md5 in source
    assert small.sha256 in source
    assert large.md5 in source
    assert all(
        len(file.md5) == 32 and file.name.startswith(name)
        for name, files in medmnist.FILES.items()
        for file in files
    )


def cubes_of(classes: int, side: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Grey volumes whose brightness is their class."""
    random = np.random.default_rng(seed)
    y = np.arange(24) % classes
    x = random.integers(0, 60, (24, side, side, side))
    x[:, 8:20, 8:20, 8:20] += (y * 190 // classes)[:, None, None, None]
    return x.astype(np.uint8), y.astype(np.uint8)[:, None]


def test_another_data_set_trains_and_measures_a_network_of_its_classes(tmp_path):
    x, y = cubes_of(4, 28)
    parts = {"train": slice(0, 16), "val": slice(16, 20), "test": slice(20, 24)}
    arrays = {f"{name}_images": x[part] for name, part in parts.items()}
    arrays |= {f"{name}_labels": y[part] for name, part in parts.items()}
    data = tmp_path / "fourmnist3d"
    data.mkdir()
    np.savez(data / "fourmnist3d.npz", **arrays)
    recipe = RECIPES["resnet3d-adrenal"]
    out = tmp_path / "four.safetensors"
    steps = list(recipe.train(data, out, epochs=1))
    assert "for 4 classes of grey values, cubes of 28x28x28" in steps[0].message
    assert len(steps[-1].values["card"].classes) == 4
    with pytest.raises(UnsuitableData, match="shipped weights of resnet3d-adrenal do not fit"):
        list(recipe.evaluate(data))
    result = list(recipe.evaluate(data, weights=out))[-1].values["evaluation"]
    assert (result["split"], result["n"]) == ("test", 4)
    assert set(result["metrics"]) >= {"auc", "accuracy", "balanced_accuracy"}


def test_training_reads_what_prepare_feeds_where_nothing_is_changed():
    """To a grey level of 255 and the depth's scale: cubes are kept in 8 bits."""
    spec = registry.find("resnet3d-adrenal").input
    random = np.random.default_rng(2)
    images = np.zeros((2, 1, 64, 64, 64), np.uint8)
    images[:, :, 24:40, 20:44, 28:36] = 255 * random.integers(0, 2, (2, 1, 16, 24, 8))
    x = torch.from_numpy(unit_range(resnet3d_adrenal.cubes(images)))
    read = resnet3d_adrenal.read_at(x, torch.eye(3).repeat(2, 1, 1), torch.zeros(2, 3))
    fed = np.stack([feed(image, spec, 64.0) for image in images])
    np.testing.assert_allclose(normalised(read, spec), fed, atol=0.01)
    changed = resnet3d_adrenal.augmented(x, torch.Generator().manual_seed(0))
    assert changed.shape == read.shape
    np.testing.assert_allclose(changed[:, 0].sum(), read[:, 0].sum(), rtol=0.1)  # size stays


def test_the_shipped_network_is_small_and_its_card_says_how_good():
    card = zoo.card("resnet3d-adrenal")
    assert card.parameters <= 1_000_000
    assert card.metrics["auc"] > 0.8
    assert "train resnet3d-adrenal" in card.command


@pytest.mark.slow
def test_the_card_says_what_the_validation_cases_say(data_dir):
    steps = RECIPES["resnet3d-adrenal"].evaluate(data_dir / "adrenalmnist3d", split="val")
    found = list(steps)[-1].values["evaluation"]["metrics"]
    assert found["auc"] == pytest.approx(zoo.card("resnet3d-adrenal").metrics["auc"], abs=2e-3)
