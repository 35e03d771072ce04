"""One scan of the page: a sample, the crosshair, and how it is looked at."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dashboard.analysis.analyze import Analysis
from dashboard.data.sample import Sample
from dashboard.figures.resliced import Overlay
from dashboard.figures.theme import THEMES, Theme
from dashboard.figures.volumes import Plane, planes
from dashboard.ui import cache, shell, state
from dashboard.ui.scan.overlay_choice import chosen_overlay
from dashboard.ui.scan.plane_cache import window_of
from dashboard.ui.scan.settings import Settings, settings
from dashboard.ui.scene import chosen_model
from models.records import Landmarks, Mask
from models.spec import ModelSpec

BUILTIN = "brain"
PLACED = ("segmentation", "landmarks")  # tasks whose answers lie on the planes themselves


@dataclass(frozen=True)
class Place:
    """What every view of a scan draws from; arrays are shared, never changed.

    `position` is the crosshair as sample index, whole voxels; `window` (low, high) in the sample's
    unit shows as black and white; `overlay` lies over the scan, None for nothing.
    """

    sample: Sample
    spec: ModelSpec
    position: tuple[float, float, float]
    window: tuple[float, float]
    settings: Settings
    theme: Theme
    phone: bool

    @property
    def convention(self) -> str:
        """ "neurological" (left on the left) or "radiological" (mirrored)."""
        return self.settings.convention

    @cached_property
    def answer(self) -> Analysis | None:
        """What the network says, of a patch network at the crosshair; None for random weights.

        Only computed when asked for: planes do not wait for a network that they do not show.
        """
        at = self.position if self.spec.input.crop == "patch" else None
        return cache.answer(self.sample.digest, self.spec.name, 0, at)

    @property
    def placed(self) -> Mask | Landmarks | None:
        """The answer where it lies on the scan itself: a class per voxel, or points."""
        if self.spec.task not in PLACED or self.answer is None:
            return None
        return self.answer.prediction

    @cached_property
    def overlay(self) -> Overlay | None:
        """What lies over the scan, as chosen on the page."""
        return chosen_overlay(self)

    @cached_property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Axial, coronal and sagittal plane through the crosshair."""
        at = np.array(self.position)
        return planes(self.sample.shape, self.sample.affine, at, self.convention)

    @property
    def voxel(self) -> tuple[int, int, int]:
        """The voxel under the crosshair."""
        i, j, k = (round(p) for p in self.position)
        return i, j, k

    @property
    def unit(self) -> str:
        """Unit of the values; "" where the file names none."""
        return self.sample.units[0]


def make_place(view: state.View) -> Place:
    """Resolve a view: another kind of sample is replaced by the last scan of the session."""
    try:
        sample = state.sample(view.sample)
    except KeyError:
        sample = None
    if sample is None or sample.dim != 3:
        view = state.change(sample=_last_scan())
        sample = state.sample(view.sample)
    chosen = settings()
    return Place(
        sample=sample,
        spec=chosen_model(view.model, sample),
        position=_position(view, sample),
        window=window_of(sample.digest, chosen.window(sample.digest)),
        settings=chosen,
        theme=THEMES[shell.theme_name()],
        phone=shell.phone(),
    )


def _last_scan() -> str:
    scans = [upload.digest for upload in state.uploads() if upload.kind == "volume"]
    return scans[-1] if scans else BUILTIN


def _position(view: state.View, sample: Sample) -> tuple[float, float, float]:
    """The voxel chosen; default the sample's own, else the middle."""
    chosen = view.position
    if chosen is None or len(chosen) != sample.dim:
        chosen = sample.position or tuple((n - 1) / 2 for n in sample.shape)
    i, j, k = np.clip(np.rint(chosen), 0, np.array(sample.shape) - 1)
    return float(i), float(j), float(k)
