"""What is computed once and kept: networks, answers and layers, keyed by names and digests.

Large arrays stay in memory by reference (`st.cache_resource`, `remembered`); nothing here may
change them.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import wraps
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import streamlit as st

from dashboard.analysis import layers
from dashboard.analysis.analyze import Analysis, analyze, ecg_channel
from dashboard.analysis.reference import Compared, compare, reference_marks
from dashboard.analysis.rhythm import Rhythm, rhythm
from dashboard.data.prepare import Prepared, placed, prepare
from dashboard.figures.pictures import value_window
from dashboard.figures.signals import Lanes
from dashboard.figures.thin import Series
from dashboard.ui import state
from dashboard.ui.tasks import progress
from models import registry
from models.arithmetic import count
from models.decode.beats import cell_probabilities
from models.device import choose
from models.probes.trace import Trace, outline, trace
from models.spec import ModelSpec

T = TypeVar("T")

MOST_BYTES = 2**30  # of prepared samples that results of one kind keep alive
LONG_SIGNAL = 2**21  # samples; from here on an answer takes over a second and shows a bar
LONG_PASS = 10**10  # multiply-adds; a pass of more shows a bar as well
_BOOKS = Lock()  # while it is decided which results stay
PROBE_SIDE = 4096  # longest side of the part whose activity draws the sparks of the strip


@st.cache_resource(show_spinner=False)
def _kept(kind: str) -> OrderedDict[tuple, Any]:
    """Results by what they depend on, the one used last at the end."""
    return OrderedDict()


def remembered(most: int) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Keep the last `most` results of a function, of all sessions together, in MOST_BYTES.

    For work that may show a bar, which cannot be drawn inside a function that Streamlit caches.
    """

    def decorate(make: Callable[..., T]) -> Callable[..., T]:
        @wraps(make)
        def get(*key: Any) -> T:
            kept = _kept(make.__name__)
            result = kept.get(key)
            if result is None:
                result = make(*key)
            with _BOOKS:
                kept[key] = result
                kept.move_to_end(key)
                while len(kept) > most or (len(kept) > 1 and _bytes(kept.values()) > MOST_BYTES):
                    kept.popitem(last=False)
            return result

        return get

    return decorate


def _bytes(results: Collection[Any]) -> int:
    """What is large in results: prepared hours of a signal, labels of a scan, or themselves."""
    return sum(
        getattr(result, "nbytes", 0)
        + getattr(getattr(getattr(result, "prepared", None), "array", None), "nbytes", 0)
        + getattr(getattr(result, "prediction", None), "nbytes", 0)
        for result in results
    )


@st.cache_resource(max_entries=6, show_spinner=False)
def network(name: str, dim: int) -> Any:
    """The torch module of a network on the chosen device: trained weights, else random ones."""
    device = str(choose(None))
    if registry.trained(name, dim):
        return registry.load(name, device=device, dim=dim)
    return registry.create(name, dim=dim).to(device).eval()


@remembered(most=64)
def answer(
    digest: str, model: str, lead: int, position: tuple[float, ...] | None
) -> Analysis | None:
    """What a trained network says about a sample; None where its weights are not here."""
    sample, spec = state.by_digest(digest), registry.find(model)
    if not registry.trained(model, sample.dim):
        return None
    net = network(model, sample.dim)
    options = {"net": net, "channel": lead, "position": position}
    if sample.dim > 1 or sample.shape[0] < LONG_SIGNAL:
        return analyze(sample, spec, **options)
    with progress(f"{digest}-{model}-{lead}", f"Running {model} over {sample.name}") as report:
        return analyze(sample, spec, on_progress=report, **options)


@dataclass(frozen=True)
class Survey:
    """The layers of a network over a sample.

    `trace` has the shapes of the explored input; `activity` (mean |a| per channel of each layer)
    and `clip` (99.5 % of |a| over all layers) are of a part of it.
    """

    trace: Trace
    activity: dict[str, np.ndarray]
    clip: float


@remembered(most=2)
def _prepared(digest: str, model: str, lead: int) -> Prepared:
    """The whole sample as the network takes it; of a signal, what its answer was made from."""
    sample = state.by_digest(digest)
    found = answer(digest, model, lead, None) if sample.dim == 1 else None
    if found is not None:
        return found.prepared
    return prepare(sample, registry.find(model).input, channel=lead, whole=True)


@remembered(most=4)
def fed(digest: str, model: str, lead: int, block: tuple[float, ...] | None) -> Prepared:
    """What the explorer feeds: the whole sample, or the part around `block`."""
    sample, spec = state.by_digest(digest), registry.find(model)
    net = network(model, sample.dim)
    return layers.explored_part(_prepared(digest, model, lead), sample, spec, net, block)


@remembered(most=16)
def survey(digest: str, model: str, lead: int) -> Survey:
    """Shapes, fields and activity of every layer."""
    sample, spec = state.by_digest(digest), registry.find(model)
    net = network(model, sample.dim)
    whole = fed(digest, model, lead, None)
    part = whole
    if placed(sample, spec.input):
        part = layers.explored_input(sample, spec, net, channel=lead, whole=False)
    multiple = layers.total_stride(net, sample.dim)
    centre = np.array(part.array.shape[1:]) / 2
    if max(part.array.shape[1:]) > PROBE_SIDE:
        part = layers.cut(part, centre, PROBE_SIDE, multiple)
    shapes = outline(net, whole.array.shape)
    kept = trace(net, part.array, layers=[name for name in shapes.names if ":" not in name])
    return Survey(shapes, layers.activity(kept), layers.clip_of_all(kept))


@remembered(most=4)
def layer(
    digest: str, model: str, name: str, lead: int, block: tuple[float, ...] | None
) -> layers.LayerView:
    """One layer's activations over the whole sample, or around `block` when it is long."""
    sample = state.by_digest(digest)
    net, given = network(model, sample.dim), fed(digest, model, lead, block)
    if count(net, given.array.shape).macs < LONG_PASS:
        return layers.look(net, given, name)
    with progress(f"{digest}-{model}-{name}", f"Running {model} over {sample.name}") as report:
        return layers.look(net, given, name, report)


@st.cache_resource(max_entries=256, show_spinner=False)
def explored_side(digest: str, model: str) -> int:
    """The longest side of a sample that a network is run over at once."""
    sample = state.by_digest(digest)
    return layers.explored_side(sample, registry.find(model), network(model, sample.dim))


def block_of(digest: str, model: str, position: tuple[float, ...]) -> tuple[float, ...] | None:
    """The cache key of a position: None for samples that are run whole, else a coarse place."""
    sample, spec = state.by_digest(digest), registry.find(model)
    longest, shape = explored_side(digest, model), layers.fed_shape(sample, spec)
    if max(shape) <= longest:
        return None
    step = max(1, longest * max(sample.shape) // max(shape) // 8)
    return tuple(round(p / step) * float(step) for p in position)


@st.cache_resource(max_entries=16, show_spinner=False)
def gram(
    digest: str, model: str, name: str, lead: int, block: tuple[float, ...] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Gram matrix (C, C) of a layer and its clustered channel order (C,)."""
    matrix = layers.gram_of(layer(digest, model, name, lead, block).maps)
    return matrix, layers.clustered_order(matrix)


@st.cache_resource(max_entries=64, show_spinner=False)
def clip(
    digest: str, model: str, name: str, lead: int, block: tuple[float, ...] | None, channel: int
) -> layers.Statistics:
    """Statistics of one channel, or of the whole layer for channel -1."""
    maps = layer(digest, model, name, lead, block).maps
    return layers.statistics(maps if channel < 0 else maps[channel])


@st.cache_resource(max_entries=64, show_spinner=False)
def grey_window(digest: str) -> tuple[float, float]:
    """Black and white of a scan: 0.5 and 99.5 % of its values, read from every fourth voxel."""
    sample = state.by_digest(digest)
    coarse = (slice(0, 1), *(slice(None, None, 4) for _ in sample.shape))
    return value_window(sample.values(coarse))


def models_for(dim: int) -> list[ModelSpec]:
    """The networks for samples of this rank, trained ones first, else in the registry's order."""
    specs = [s for s in registry.specs() if dim in s.dims]
    return sorted(specs, key=lambda s: not registry.trained(s.name, dim))


def default_lead(digest: str) -> int:
    """The channel fed by default: the best ECG lead of a signal, else the first."""
    sample = state.by_digest(digest)
    return ecg_channel(sample) if sample.dim == 1 else 0


@st.cache_resource(max_entries=16, show_spinner=False)
def beat_rhythm(digest: str, model: str, lead: int) -> Rhythm:
    """RR intervals, rates and counts of the beats a network found."""
    found = answer(digest, model, lead, None)
    return rhythm(found.prediction, found.sample.sampling_rate)


@st.cache_resource(max_entries=16, show_spinner=False)
def compared(digest: str, model: str, lead: int) -> Compared | None:
    """The beats beside the file's own annotations; None for a file without any."""
    found = answer(digest, model, lead, None)
    marks = reference_marks(found.sample)
    if marks is None:
        return None
    return compare(found.prediction, marks, found.sample.sampling_rate)


@remembered(most=4)
def lanes(digest: str, model: str, lead: int, block: tuple[float, ...] | None) -> Lanes:
    """Probability of each class per cell: a beat is there, and it is of this class."""
    spec = registry.find(model)
    view = layer(digest, model, spec.head, lead, block)
    found = answer(digest, model, lead, None)
    scale, offset = view.prepared.to_sample[0]
    step = scale * spec.decoder["stride"]
    places = offset + step * (np.arange(view.maps.shape[-1]) + 0.5)  # of cells, in samples
    chances = cell_probabilities(view.maps, places, found.prediction)
    rate = found.sample.sampling_rate
    return Lanes(found.prediction.names, Series(places[0] / rate, step / rate, chances))
