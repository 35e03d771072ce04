"""Every network there is: gathered from the families, found by name, built and loaded."""

import difflib
import os
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from models import device as devices
from models import weights as files
from models import zoo
from models.nets import beat_grid, landmarks, lenet, resnet, unet
from models.spec import ModelSpec, Weights

FAMILIES = (
    beat_grid,
    lenet,
    resnet,
    unet,
    landmarks,
)


class UnknownModel(KeyError):
    """A name that no spec has."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show the message in quotes


class Registry:
    """A set of specs with unique names; raises ValueError where two have the same name."""

    def __init__(self, specs: Iterable[ModelSpec]) -> None:
        self._specs: dict[str, ModelSpec] = {}
        self.add(*specs)

    def add(self, *specs: ModelSpec) -> None:
        """Also have `specs` from now on: a plugin's, for the whole process."""
        for spec in specs:
            if spec.name in self._specs:
                raise ValueError(f"two networks are named {spec.name!r}; names must differ")
            self._specs[spec.name] = spec

    def extended(self, *specs: ModelSpec) -> "Registry":
        """A new registry that also has `specs` (a session's own); this one does not change."""
        return Registry((*self.specs(), *specs))

    def specs(self) -> list[ModelSpec]:
        """Every spec, in the order of the families."""
        return list(self._specs.values())

    def names(self, dims: int | None = None, task: str | None = None) -> list[str]:
        """Names of the networks that exist in `dims` spatial dimensions and do `task`."""
        return [
            spec.name
            for spec in self.specs()
            if dims in (None, *spec.dims) and task in (None, spec.task)
        ]

    def find(self, name: str) -> ModelSpec:
        """The spec of that name; UnknownModel lists near names."""
        if name not in self._specs:
            near = difflib.get_close_matches(name, self._specs, cutoff=0.4) or list(self._specs)
            raise UnknownModel(f"no network {name!r}; near names: {', '.join(near)}")
        return self._specs[name]

    def create(
        self, name: str, dim: int, in_channels: int | None = None, classes: int | None = None
    ) -> nn.Module:
        """The network with random weights (torch's global generator), in training mode."""
        spec = self.find(name)
        if dim not in spec.dims:
            raise ValueError(f"got dim={dim} for {name}, expected one of {spec.dims}")
        channels = spec.input.channels if in_channels is None else in_channels
        return spec.build(dim, channels, spec.classes if classes is None else classes)

    def load(
        self,
        name: str,
        device: str | torch.device | None = "cpu",
        weights: str | Path | None = None,
        dim: int | None = None,
    ) -> nn.Module:
        """The trained network in eval mode on `device`; a new module at every call (no cache).

        Shipped weights are checked against the card's sha256, official ones against the sha256
        prefix of their name; a file given as `weights` is not checked, only loaded strictly.
        `dim` defaults to that of the first trained weights. Raises WeightsError.
        """
        spec = self.find(name)
        row = spec.weights_for(dim)
        if weights is None and row is None:
            raise files.WeightsError(f"there are no trained weights of {name} for dim={dim}")
        path = Path(weights) if weights is not None else _locate(row)
        chosen = row.dim if row else _only_dim(spec, dim)
        net = self.create(name, chosen)
        files.load_strict(net, files.read(path), row.rename if row else ())
        return net.to(devices.choose(device)).eval()

    def trained(self, name: str, dim: int) -> bool:
        """Whether trained weights of `dim` are at hand: shipped, or in `weights_folder`."""
        row = self.find(name).weights_for(dim)
        return row is not None and _found(row) is not None


def _only_dim(spec: ModelSpec, dim: int | None) -> int:
    if dim is None and len(spec.dims) > 1:
        raise ValueError(f"{spec.name} exists in dims {spec.dims}: say which with dim=")
    return spec.dims[0] if dim is None else dim


def _found(row: Weights) -> Path | None:
    """The file of a row of weights, None where it is not here."""
    if row.shipped:
        places = [zoo.weights_path(row.file)]
    else:
        places = [weights_folder() / name for name in (row.file, *row.other_names)]
    return next((path for path in places if path.is_file()), None)


def _locate(row: Weights) -> Path:
    """The checked file of a row of weights; WeightsError says where it was looked for."""
    path = _found(row)
    if path is None and row.shipped:
        raise files.WeightsError(f"no weights file at {zoo.weights_path(row.file)}")
    if path is None:
        raise files.WeightsError(
            f"{row.file} is not in {weights_folder()}; download it from {row.url} into that "
            "folder, or let CONVSCOPE_WEIGHTS name the folder that has it"
        )
    published = zoo.card(path.stem).sha256 if row.shipped else row.sha256
    _verify(path, published if path.name == row.file else "")
    return path


def weights_folder() -> Path:
    """Where official checkpoints are looked for: `CONVSCOPE_WEIGHTS`, else torch's hub folder."""
    named = os.environ.get("CONVSCOPE_WEIGHTS")
    return Path(named) if named else Path(torch.hub.get_dir()) / "checkpoints"


def _verify(path: Path, expected: str) -> None:
    """Raise WeightsError unless the file's sha256 begins with `expected`."""
    found = files.sha256(path)
    if not found.startswith(expected):
        raise files.WeightsError(
            f"{path.name} has sha256 {found[:16]}..., expected {expected[:16]}...: the file is "
            "damaged or altered; fetch it again"
        )


_DEFAULT = Registry(spec for family in FAMILIES for spec in family.SPECS)

specs = _DEFAULT.specs
names = _DEFAULT.names
find = _DEFAULT.find
create = _DEFAULT.create
load = _DEFAULT.load
trained = _DEFAULT.trained
extended = _DEFAULT.extended
add = _DEFAULT.add
