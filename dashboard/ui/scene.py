"""The explorer's scene: sample, network, layer, channel and position, all resolved and valid."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dashboard.analysis.analyze import Analysis
from dashboard.analysis.layers import LayerView, Statistics
from dashboard.data.prepare import placed
from dashboard.data.sample import Sample
from dashboard.figures.theme import THEMES, Theme
from dashboard.ui import cache, shell, state
from dashboard.ui.panels import npz
from models import registry
from models.probes.trace import LayerRecord
from models.records import Beats
from models.spec import ModelSpec

SCOPES = ("channel", "layer", "network")  # what a colour range can be taken over


@dataclass(frozen=True)
class Scene:
    """Everything a stage or an inspector draws from; arrays are shared, never changed.

    `position` is a sample index, `lead` the channel fed, `block` the cache key of the part that
    was run, `channel` and `other` the chosen pair of channels.
    """

    sample: Sample
    spec: ModelSpec
    survey: cache.Survey
    layer: LayerView
    answer: Analysis | None
    lead: int
    position: tuple[float, ...]
    block: tuple[float, ...] | None
    channel: int
    other: int
    scope: str
    theme: Theme
    phone: bool

    @property
    def record(self) -> LayerRecord:
        """The chosen layer's record, with its activations."""
        return self.layer.record

    @property
    def key(self) -> tuple:
        """What caches of this layer are keyed by."""
        return self.sample.digest, self.spec.name, self.record.name, self.lead, self.block

    @cached_property
    def statistics(self) -> Statistics:
        """Statistics of the chosen channel."""
        return cache.clip(*self.key, self.channel)

    @cached_property
    def clip(self) -> float:
        """Where the colour scale ends, for the chosen scope."""
        if self.scope == "channel":
            return self.statistics.clip
        if self.scope == "network":
            return self.survey.clip
        return cache.clip(*self.key, -1).clip

    def npz(self) -> bytes:
        """The layer's activations with their place, as the bytes of an .npz."""
        place = {} if self.layer.place is None else {"unit_to_sample": self.layer.place}
        return npz(activations=self.layer.maps, **place)

    @property
    def caption(self) -> str:
        """Model, layer, method, seconds, clip and stride: what stands under each figure."""
        parts = [
            self.spec.name,
            self.record.name,
            f"forward pass {self.layer.seconds:.2f} s",
            f"clip ±{self.clip:.3g} (99.5 % of the {self.scope})",
        ]
        if self.record.stride:
            parts.append("stride " + " × ".join(f"{s:g}" for s in self.record.stride))
        return " · ".join(parts)


def make_scene(view: state.View) -> Scene:
    """Resolve a view: what is missing or does not exist is replaced by the default."""
    try:
        sample = state.sample(view.sample)
    except KeyError:
        sample = state.sample("ecg")
    spec = chosen_model(view.model, sample)
    lead = view.lead if 0 <= view.lead < len(sample.channels) else cache.default_lead(sample.digest)
    survey = cache.survey(sample.digest, spec.name, lead)
    first = _last_map(spec, survey) if view.show == "why" else _first_layer(spec, survey)
    name = view.layer if view.layer in survey.trace.names else first
    position = _position(view, sample, spec, lead)
    block = cache.block_of(sample.digest, spec.name, position)
    layer = cache.layer(sample.digest, spec.name, name, lead, block)
    last = layer.record.shape[0] - 1
    answer_at = position if placed(sample, spec.input) else None
    return Scene(
        sample=sample,
        spec=spec,
        survey=survey,
        layer=layer,
        answer=cache.answer(sample.digest, spec.name, lead, answer_at),
        lead=lead,
        position=position,
        block=block,
        channel=min(view.channel, last),
        other=min(view.other, last),
        scope=view.scope if view.scope in SCOPES else "layer",
        theme=THEMES[shell.theme_name()],
        phone=shell.phone(),
    )


def chosen_model(name: str, sample: Sample) -> ModelSpec:
    """The network named, else the first that was trained on samples like this one."""
    offered = cache.models_for(sample.dim)
    fitting = [
        s for s in offered if registry.trained(s.name, sample.dim) and not s.input.fits(sample)
    ]
    return next((s for s in offered if s.name == name), (fitting or offered)[0])


def _first_layer(spec: ModelSpec, survey: cache.Survey) -> str:
    """The spec's default layer, the last layer inside it when it names a stage, else the first."""
    names = survey.trace.names
    inside = [n for n in names if n == spec.default_layer or n.startswith(f"{spec.default_layer}.")]
    return inside[-1] if inside else names[0]


def _last_map(spec: ModelSpec, survey: cache.Survey) -> str:
    """The last layer before an answer that has no places; for an answer with places as ever."""
    records = survey.trace.records
    maps = [r.name for r in records if r.stride is not None and np.prod(r.shape[1:]) > 1]
    return maps[-1] if maps and records[-1].stride is None else _first_layer(spec, survey)


def _position(view: state.View, sample: Sample, spec: ModelSpec, lead: int) -> tuple[float, ...]:
    """The chosen position inside the sample; default its own, else where something happens."""
    chosen = view.position
    if chosen is None or len(chosen) != sample.dim:
        chosen = sample.position or _interesting(sample, spec, lead)
    limits = np.array(sample.shape) - 1
    return tuple(float(p) for p in np.clip(chosen, 0, limits))


def _interesting(sample: Sample, spec: ModelSpec, lead: int) -> tuple[float, ...]:
    middle = tuple((n - 1) / 2 for n in sample.shape)
    if spec.task != "beats":
        return middle
    found = cache.answer(sample.digest, spec.name, lead, None)
    if found is None or not isinstance(found.prediction, Beats) or not len(found.prediction):
        return middle
    beats = found.prediction
    unusual = np.flatnonzero(beats.labels != 0)
    chosen = unusual[0] if len(unusual) else len(beats) // 2
    return (float(beats.positions[chosen]),)
