"""One ECG of the page: a sample, the beats found in it, and what follows from them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dashboard.analysis.analyze import Analysis
from dashboard.analysis.beat_edits import Edits
from dashboard.analysis.calibration import unsure
from dashboard.analysis.reference import Compared
from dashboard.analysis.rhythm import Rhythm
from dashboard.data.sample import Sample
from dashboard.figures.beats import BeatMarks
from dashboard.figures.theme import THEMES, Theme
from dashboard.ui import cache, shell, state
from dashboard.ui.ecg import edited
from dashboard.ui.words import literal
from models.records import Beats


@dataclass(frozen=True)
class Heart:
    """One ECG with its beats, all in sample positions; `position` is the chosen sample."""

    sample: Sample
    answer: Analysis
    lead: int
    position: tuple[float, ...]
    theme: Theme
    phone: bool

    @property
    def key(self) -> tuple:
        """What caches of these beats are keyed by."""
        return self.sample.digest, self.answer.spec.name, self.lead

    @cached_property
    def edits(self) -> Edits | None:
        """What a person made of the beats; None while they are the network's."""
        return edited.in_force(self.key)

    @property
    def version(self) -> str:
        """Which beats these are, for the keys of widgets that choose among them."""
        return edited.version(self.key)

    @cached_property
    def rhythm(self) -> Rhythm:
        """RR, rates and counts."""
        if self.edits:
            return edited.followers(self.key, self.edits, self.sample).rhythm
        return cache.beat_rhythm(*self.key)

    @cached_property
    def compared(self) -> Compared | None:
        """The file's own annotations beside these beats, None where it has none."""
        if self.edits:
            return edited.followers(self.key, self.edits, self.sample).compared
        return cache.compared(*self.key)

    @property
    def beats(self) -> Beats:
        """The beats that all panels show, in sample positions."""
        return self.edits.beats if self.edits else self.answer.prediction

    @property
    def marks(self) -> BeatMarks:
        """The beats as drawn."""
        by_hand, row = (self.edits.edited, self.row_name) if self.edits else (None, "")
        return BeatMarks(
            self.rhythm.times,
            self.rhythm.symbols,
            self.beats.scores,
            by_hand=by_hand,
            unsure=self.unsure,
            row=row,
        )

    @cached_property
    def unsure(self) -> np.ndarray:
        """Which beats (B,) are named with little probability."""
        return unsure(self.beats, self.answer.spec)

    @property
    def row_name(self) -> str:
        """What these beats are called: "net", "edit" once edited, "file" for an annotator's."""
        return edited.row_name(self.key)

    @property
    def file_name(self) -> str:
        """What a file of these beats is called, without its ending."""
        return "beats-edited" if self.edits and self.edits.done else "beats"

    @property
    def source(self) -> str:
        """Model, lead and seconds, for captions, and whether the beats were edited."""
        seconds = self.answer.seconds
        return (
            f"{self.answer.spec.name} · {literal(self.sample.channels[self.lead])} · "
            f"{seconds.prepare + seconds.predict:.2f} s{edited.words(self.key)}"
        )


def make_heart(view: state.View) -> Heart:
    """The ECG of a view; another kind of sample is replaced by the built-in ECG."""
    try:
        sample = state.sample(view.sample)
    except KeyError:
        sample = state.sample("ecg")
    if sample.dim != 1:
        view = state.change(sample="ecg")
        sample = state.sample("ecg")
    lead = view.lead if 0 <= view.lead < len(sample.channels) else cache.default_lead(sample.digest)
    answer = cache.answer(sample.digest, "ecg-beats", lead, None)
    place = view.position or (min(5.0, sample.extent[0] / 2) * sample.sampling_rate,)
    position = (float(np.clip(place[0], 0, sample.shape[0] - 1)),)
    theme = THEMES[shell.theme_name()]
    return Heart(sample, answer, lead, position, theme, shell.phone())
