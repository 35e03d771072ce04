"""The answer that Why explains, by which method at which layer, and the map of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import streamlit as st

from dashboard.analysis import explain
from dashboard.analysis.analyze import input_of
from dashboard.analysis.explain import AT_LAYER, METHODS, Answers, Explanation
from dashboard.analysis.layers import clip_of
from dashboard.analysis.why import BEAT
from dashboard.ui import cache, state
from dashboard.ui.answers import NEAR
from dashboard.ui.overlay import Overlay
from dashboard.ui.panels import npz
from dashboard.ui.scene import Scene
from dashboard.ui.tasks import progress
from dashboard.ui.words import literal, relative
from models import registry
from models.arithmetic import count
from models.records import Beats

FOR, BOTH = "for", "for and against"  # which side of zero is shown
NATIVE, SMOOTH = "native", "smooth"
SIDE, GRID = "why-side", "why-grid"  # session keys of these choices
SLOW = ("Score-CAM", "occlusion", "integrated gradients")  # many passes: they show a bar
PASSES = 512  # about, of a slow method
WHOLE = ("whole", "whole-image", "digit")  # crops that no position moves


@dataclass(frozen=True)
class Reason:
    """What Why draws from: `layer` is the chosen one, or the last before it that has places.

    `at` and `block` say which part of the sample is explained and are parts of the caches' keys.
    """

    scene: Scene
    asked: Answers
    found: Explanation
    method: str
    layer: str
    at: tuple[float, ...] | None
    side: str
    grid: str

    @property
    def key(self) -> tuple:
        """What the map is kept under."""
        model = self.scene.spec.name
        place = (self.scene.sample.digest, model, self.scene.lead, self.at, self.scene.block)
        layer = self.layer if self.method in AT_LAYER else ""
        return *place, layer, self.method, self.found.answer

    @cached_property
    def over(self) -> Overlay:
        """The map as it lies over the input: one side of zero or both, native or smooth."""
        values = self.found.map.positive if self.side == FOR else self.found.map.values
        place, clip = self.found.place, clip_of(values)
        if self.grid == SMOOTH:
            values, place = self.found.finer(values)
        answer = spoken(self.found.answer, self.asked)
        return Overlay(f"{self.method} of {answer}", values, place, clip)

    @property
    def local(self) -> bool:
        """Whether what is explained is a small part of the sample."""
        low, high = self.found.box
        return float(np.prod((high - low) / self.scene.sample.shape)) < 0.5

    @property
    def title(self) -> str:
        """The question in words, as Markdown."""
        return f"Why {literal(spoken(self.found.answer, self.asked))}"

    @property
    def file_name(self) -> str:
        """The stem of what is saved: method and answer, in letters that every system takes."""
        words = f"{self.method}-{self.found.answer}".lower().replace("×", "x")
        return "".join(c if c.isalnum() or c in "-+" else "-" for c in words)

    @property
    def caption(self) -> str:
        """Model, layer, method, answer, seconds and clip: what stands under the figure."""
        where = [self.layer] if self.method in AT_LAYER else []
        made = self.scene.spec.name
        if self.scene.answer is None:
            made += " (random weights)"
        answer = literal(spoken(self.found.answer, self.asked))
        said = f"{answer} {relative(self.found.map.output)}"
        seconds, clip = f"{self.found.seconds:.2f} s", f"clip ±{self.over.clip:.3g} (99.5 %)"
        return " · ".join([made, *where, self.method, said, seconds, clip])

    def npz(self) -> bytes:
        """The map, what each channel adds to it, and its place, as the bytes of an .npz."""
        found = self.found
        return npz(map=found.map.values, parts=found.map.parts, index_to_sample=found.place)


def spoken(name: str, asked: Answers) -> str:
    """A class in words: N is both N and S for a network that tells them apart by rhythm."""
    return "N or S" if name == "N" and BEAT in asked.names and "S" not in asked.names else name


def make_reason(scene: Scene, view: state.View) -> Reason | None:
    """The map for the view; None where the network's answers or layers have no place."""
    layer = explained_layer(scene)
    if scene.spec.task not in explain.EXPLAINED or layer is None:
        return None
    at = _explained_place(scene)
    place = (scene.sample.digest, scene.spec.name, scene.lead, at, scene.block)
    asked = answers_here(*place)
    answer = view.answer if view.answer in asked.names else asked.default
    # A gradient averaged over all places says little about an answer that stands in one of them.
    usual = "HiResCAM" if asked.places[0] else "Grad-CAM"
    method = view.method if view.method in METHODS else usual
    found = class_map(*place, layer if method in AT_LAYER else "", method, answer)
    side, grid = (st.session_state.get(k, d) for k, d in ((SIDE, BOTH), (GRID, NATIVE)))
    return Reason(scene, asked, found, method, layer, at, side, grid)


def explained_layer(scene: Scene) -> str | None:
    """The chosen layer, or the last one before it whose units have places; None for neither."""
    records = scene.survey.trace.records
    upto = scene.survey.trace.names.index(scene.record.name) + 1
    return next((r.name for r in reversed(records[:upto]) if r.stride is not None), None)


def _explained_place(scene: Scene) -> tuple[float, ...] | None:
    """The sample index explained: of a beat near the position its own; None for all of it."""
    prediction = scene.answer.prediction if scene.answer else None
    if isinstance(prediction, Beats) and len(prediction):
        away = np.abs(prediction.positions - scene.position[0])
        if away.min() <= NEAR * scene.sample.sampling_rate:
            return (float(prediction.positions[away.argmin()]),)
    if scene.spec.task == "classification" and scene.spec.input.crop in WHOLE:
        return None
    return scene.position


@cache.remembered(most=8)
def answers_here(
    digest: str,
    model: str,
    lead: int,
    at: tuple[float, ...] | None,
    block: tuple[float, ...] | None,
) -> Answers:
    """What the network says of a place of the sample, or of all of it."""
    sample, spec = state.by_digest(digest), registry.find(model)
    net = cache.network(model, sample.dim)
    centre = at or block or sample.position or tuple((n - 1) / 2 for n in sample.shape)
    if sample.dim == 1:
        answer = cache.answer(digest, model, lead, None)
        fed = answer.prepared if answer else cache.fed(digest, model, lead, block)
    elif spec.input.crop == "whole":
        fed = cache.fed(digest, model, lead, block)
    else:
        fed = input_of(sample, spec, channel=lead, position=centre)
    if spec.task != "beats":  # of a beat only what its cell sees is run
        fed = explain.bounded(net, fed, centre)
    return explain.answers_at(net, spec, fed, centre)


@cache.remembered(most=24)
def class_map(
    digest: str,
    model: str,
    lead: int,
    at: tuple[float, ...] | None,
    block: tuple[float, ...] | None,
    layer: str,
    method: str,
    answer: str,
) -> Explanation:
    """The map for an answer; slow methods on large inputs show a bar."""
    net = cache.network(model, state.by_digest(digest).dim)
    asked = answers_here(digest, model, lead, at, block)
    if not slow(net, asked, method):
        return explain.explain(net, asked, answer, method, layer)
    name = f"{digest}-{model}-{lead}-{at}-{layer}-{method}-{answer}"
    with progress(name, f"{method} of {answer}") as report:
        return explain.explain(net, asked, answer, method, layer, report)


@cache.remembered(most=64)
def random_likeness(key: tuple) -> float:
    """Rank correlation of the map kept under `key` with that of random weights."""
    digest, model, lead, at, block, layer, method = key[:-1]
    net = cache.network(model, state.by_digest(digest).dim)
    asked, found = answers_here(digest, model, lead, at, block), class_map(*key)
    if not slow(net, asked, method):
        return explain.likeness_to_random(net, asked, found, method, layer)
    with progress(f"random-{key}", f"{method} with random weights") as report:
        return explain.likeness_to_random(net, asked, found, method, layer, report)


def slow(net: object, asked: Answers, method: str) -> bool:
    """Whether making a map takes so long that a bar is shown."""
    return method in SLOW and PASSES * count(net, asked.fed.array.shape).macs > cache.LONG_PASS
