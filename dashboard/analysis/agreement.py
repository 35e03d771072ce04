"""Who else names the beats of a record, and how well two opinions agree."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dashboard.analysis.ec57 import AAMI, Outcomes, aami_beats, outcomes
from dashboard.analysis.reference import annotators
from dashboard.data.sample import Marks, Sample
from models.records import Beats
from models.spec import ModelSpec

Named = tuple[np.ndarray, np.ndarray]  # positions in samples, sorted, and indices into AAMI


@dataclass(frozen=True)
class Opinion:
    """One who names beats: the network `model` over the channel `lead`, or an `annotator`."""

    title: str
    model: str = ""
    lead: int = -1
    annotator: str = ""


def opinions(sample: Sample, specs: Iterable[ModelSpec], model: str, lead: int) -> list[Opinion]:
    """Second opinions on what `model` says of `lead`, the closest first.

    Every other trained network of `specs` that finds beats, on the same lead; the same network
    on every other lead; the file's annotators.
    """
    name = sample.channels[lead]
    others = [s.name for s in specs if s.task == "beats" and s.weights_for(1) and s.name != model]
    networks = [Opinion(f"{other} · {name}", other, lead) for other in others]
    leads = [
        Opinion(f"{model} · {channel}", model, index)
        for index, channel in enumerate(sample.channels)
        if index != lead
    ]
    marks = [Opinion(f"annotator {m.name}", annotator=m.name) for m in annotators(sample)]
    return [*networks, *leads, *marks]


def named_beats(beats: Beats) -> Named:
    """Whole sample positions and AAMI labels of a network's beats; names unknown there are Q."""
    index = [AAMI.index(name if name in AAMI else "Q") for name in beats.names]
    positions = np.rint(np.asarray(beats.positions, dtype=float)).astype(np.int64)
    return positions, np.asarray(index)[np.asarray(beats.labels, dtype=int)]


def named_marks(marks: Marks) -> Named:
    """Positions and AAMI labels of the beats among an annotator's marks."""
    return aami_beats(marks.positions, marks.symbols)


def agreement(one: Named, other: Named, sampling_rate: float) -> Outcomes:
    """Every beat of two opinions, paired one to one within 150 ms; rows are the first opinion."""
    return outcomes(one, other, sampling_rate)


def cohen_kappa(counts: np.ndarray) -> float:
    """Agreement (K, K) beyond chance: (p_o - p_e) / (1 - p_e), 1 at best, 0 for chance.

    Cohen, "A coefficient of agreement for nominal scales", Educ. Psychol. Meas. 20:37 (1960),
    eq. 1. NaN where there is nothing to agree on, or only one class was ever named.
    """
    total = counts.sum()
    if not total:
        return float("nan")
    observed = np.trace(counts) / total
    expected = float(counts.sum(axis=1) @ counts.sum(axis=0)) / total**2
    return float((observed - expected) / (1 - expected)) if expected < 1 else float("nan")
