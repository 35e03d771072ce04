"""The network's answer as pills: what it says, how sure, and why it may not apply."""

import numpy as np
import streamlit as st

from dashboard.analysis.analyze import Analysis
from dashboard.ui.scene import Scene
from models.records import Beats, Landmarks, Mask

_SOUGHT = {Beats: "beat", Mask: "answer"}
NEAR = 1.0  # s; a beat further from the position is not the position's answer


def show_answer(scene: Scene) -> None:
    """The three most probable classes; greyed, with the reason, outside the training domain."""
    if scene.answer is None:
        st.markdown(":gray[random weights: explore only]")
        return
    pairs = ranked(scene.answer, scene.position)
    if not pairs:
        st.markdown(f":gray[no {_SOUGHT[type(scene.answer.prediction)]} at this position]")
        return
    grey = bool(scene.answer.reasons)
    badges = [_badge(name, p, first=i == 0 and not grey) for i, (name, p) in enumerate(pairs[:3])]
    with st.container(horizontal=True, gap="xsmall", width="content"):
        st.markdown(" ".join(badges), help="; ".join(scene.answer.reasons) or None)
    if grey:
        st.markdown(f":gray[:small[{'; '.join(scene.answer.reasons)}]]")


def ranked(answer: Analysis, position: tuple[float, ...]) -> list[tuple[str, float]]:
    """(class, probability), most probable first; of beats and masks, those at the position."""
    prediction = answer.prediction
    if isinstance(prediction, Mask):
        return at_position(prediction, position)
    if isinstance(prediction, Landmarks):
        return placed_landmarks(answer)
    if not isinstance(prediction, Beats):
        return [(name, p) for name, _, p in prediction.ranked()]
    if not len(prediction):
        return []
    distance = np.abs(prediction.positions - position[0]) / answer.sample.sampling_rate
    nearest = int(distance.argmin())
    if distance[nearest] > NEAR:
        return []
    chances = prediction.probabilities[nearest]
    return [(prediction.names[i], float(chances[i])) for i in np.argsort(-chances)]


def at_position(mask: Mask, position: tuple[float, ...]) -> list[tuple[str, float]]:
    """(class, probability) of the voxel at `position` (sample index), most probable first.

    Without kept probabilities the label alone, as certain; empty where nothing was looked at.
    """
    limits = np.array(mask.labels.shape) - 1
    at = tuple(int(i) for i in np.clip(np.rint(position), 0, limits))
    region = mask.region or tuple(slice(0, n) for n in mask.labels.shape)
    if not all(s.start <= i < s.stop for i, s in zip(at, region, strict=True)):
        return []
    if mask.probabilities is None:
        return [(mask.names[mask.labels[at]], 1.0)]
    inside = (i - s.start for i, s in zip(at, region, strict=True))
    chances = mask.probabilities[(slice(None), *inside)]
    return [(mask.names[i], float(chances[i])) for i in np.argsort(-chances, kind="stable")]


def placed_landmarks(answer: Analysis) -> list[tuple[str, float]]:
    """("NAME at (x, y, z) UNIT", score) of each landmark, in the sample's world coordinates."""
    points, sample = answer.prediction, answer.sample
    rows = zip(points.names, sample.to_world(points.positions), points.scores, strict=True)
    return [
        (f"{name} at ({_spoken(place)}) {sample.axis_unit}", float(score))
        for name, place, score in rows
    ]


def _spoken(place: np.ndarray) -> str:
    return ", ".join(f"{value:.0f}" for value in place).replace("-", "−")


MARKS = {
    "N": ":gray[●]",
    "S": ":violet[▲]",
    "V": ":red[■]",
    "F": ":orange[◆]",
    "Q": ":blue[✕]",
}


def _badge(name: str, probability: float, *, first: bool) -> str:
    text = f"{MARKS.get(name, '')} {name} {probability:.2f}".strip()
    return f":green-badge[**{text}**]" if first else f":gray-badge[{text}]"
