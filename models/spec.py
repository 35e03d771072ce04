"""What a network is: rows of data that pages, commands and tests iterate over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class SampleLike(Protocol):
    """What `fits` needs to know of a sample (`dashboard.data.sample.Sample` has it)."""

    dim: int
    modality: str
    array: Any
    sampling_rate: float | None
    axis_unit: str
    spacing: tuple[float, ...]


COARSE = 2.05  # times the trained spacing: from here on voxels are too coarse to resample


@dataclass(frozen=True)
class InputSpec:
    """How a sample becomes a network's input, and which samples the network was trained on.

    `size`: the spatial size fed, None for any, a single entry for every axis alike;
    `sampling_rate` in Hz (signals), `spacing` in mm (volumes): what samples are resampled to;
    `normalise` and `crop` name policies of `dashboard.data.prepare`; the fed length is padded to
    a multiple of `multiple`.
    """

    channels: int = 1
    size: tuple[int, ...] | None = None
    sampling_rate: float | None = None
    spacing: float | None = None
    normalise: str = "none"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    crop: str = "whole"
    multiple: int = 1
    domain: str = "any"

    def size_for(self, dim: int) -> tuple[int, ...] | None:
        """The size fed in `dim` dimensions, None for any."""
        return self.size * dim if self.size and len(self.size) == 1 else self.size

    def fits(self, sample: SampleLike) -> list[str]:
        """Why a sample lies outside the training domain; empty when nothing speaks against it."""
        wanted = DOMAINS[self.domain]
        reasons = []
        if wanted.modalities and sample.modality not in wanted.modalities:
            reasons.append(f"trained on {wanted.title}, this is {_with_article(sample.modality)}")
        if self.spacing is not None and sample.axis_unit == "mm":
            coarsest = max(sample.spacing)
            if coarsest > COARSE * self.spacing:
                reasons.append(
                    f"trained on voxels of {self.spacing:g} mm, these are up to {coarsest:.3g} mm"
                )
        return reasons


@dataclass(frozen=True)
class Domain:
    """A kind of training data: its title and the sample modalities that belong to it."""

    title: str
    modalities: tuple[str, ...]


DOMAINS: Mapping[str, Domain] = {
    "any": Domain("anything", ()),
    "ecg": Domain("ECG leads", ("ecg",)),
    "photo": Domain("photographs", ("photo", "image")),
    "digit": Domain("single handwritten digits", ("digit", "image")),
    "mr-patch": Domain("T1 MR patches of the brain", ("mr",)),
    "binary-mask": Domain("shapes cut out of a scan (masks of two values)", ("mask",)),
}


def _with_article(modality: str) -> str:
    spoken = {
        **{"ecg": "an ECG", "mr": "an MR scan", "ct": "a CT scan", "image": "an image"},
        **{"mask": "a mask of two values", "volume": "a volume of another kind"},
    }
    return spoken.get(modality, f"a sample of kind '{modality}'")


@dataclass(frozen=True)
class Weights:
    """Trained weights of one dimension.

    Shipped ones name a file of `models/zoo`; official ones give `url`, and the `sha256` prefix
    that stands in the published file name. `other_names` are file names also looked for.
    `rename` maps key prefixes of the file to ours, in order.
    """

    dim: int
    classes: tuple[str, ...]
    file: str
    sha256: str = ""
    shipped: bool = True
    url: str = ""
    license: str = ""
    trained_on: str = ""
    rename: tuple[tuple[str, str], ...] = ()
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelSpec:
    """One network of the registry.

    `build(dim, in_channels, classes)` returns an untrained module; `task` is one of "beats",
    "classification", "segmentation", "landmarks"; `stages` are the child modules the explorer
    folds its tree by; `decoder` holds settings of the task's decoder (stride, thresholds);
    `first_conv` and `head` are dotted names; `paper` is a citation.
    """

    name: str
    title: str
    family: str
    task: str
    dims: tuple[int, ...]
    build: Callable[[int, int, int], Any]
    input: InputSpec
    classes: int
    stages: tuple[str, ...]
    first_conv: str
    head: str
    paper: str
    weights: tuple[Weights, ...] = ()
    decoder: Mapping[str, float] = field(default_factory=dict)
    default_layer: str = ""

    def weights_for(self, dim: int | None = None) -> Weights | None:
        """The weights of a dimension (default: the first listed), None where there are none."""
        return next((w for w in self.weights if dim in (None, w.dim)), None)

    @property
    def shipped(self) -> bool:
        """Whether trained weights come with the project."""
        return any(w.shipped for w in self.weights)
