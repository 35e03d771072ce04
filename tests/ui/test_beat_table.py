"""The rows of the table of beats: which of them the network is unsure of."""

from types import SimpleNamespace

import numpy as np

from dashboard.analysis.calibration import unsure
from dashboard.analysis.rhythm import rhythm
from dashboard.ui.ecg.table import beat_rows
from models import registry
from models.records import AAMI, Beats


def test_unsure_beats_carry_a_question_mark_beside_their_probability():
    shares = np.array([[0.97, 0.03, 0, 0, 0], [0.4, 0.55, 0.05, 0, 0], [0.1, 0, 0.9, 0, 0]])
    beats = Beats(AAMI, np.array([100.0, 400.0, 700.0]), np.array([0, 1, 2]), np.ones(3), shares)
    heart = SimpleNamespace(
        beats=beats,
        rhythm=rhythm(beats, 360.0),
        compared=None,
        unsure=unsure(beats, registry.find("ecg-beats")),
        row_name="net",
    )
    assert beat_rows(heart, 0.0, False)["p"].tolist() == ["0.97", "0.55 ?", "0.90"]
    assert beat_rows(heart, 1.0, False)["p"].tolist() == ["0.55 ?", "0.90"]
