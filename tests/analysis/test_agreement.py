"""Agreement of two opinions against scikit-learn, and who can be asked for a second one."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, confusion_matrix, f1_score

from dashboard.analysis.agreement import (
    agreement,
    cohen_kappa,
    named_beats,
    named_marks,
    opinions,
)
from dashboard.data.builtin import builtin
from dashboard.data.sample import Marks
from models import registry
from models.records import Beats


@pytest.mark.parametrize("seed", range(5))
def test_kappa_equals_that_of_scikit_learn(seed):
    random = np.random.default_rng(seed)
    one = random.choice(5, 400, p=[0.7, 0.1, 0.1, 0.05, 0.05])
    other = np.where(random.random(400) < 0.8, one, random.integers(0, 5, 400))
    counts = confusion_matrix(one, other, labels=range(5))
    assert cohen_kappa(counts) == pytest.approx(cohen_kappa_score(one, other), abs=1e-12)


def test_kappa_by_hand_and_of_nothing():
    # 200 cases: p_o = .44 + .20 + .06 = .70, p_e = .5 * .6 + .3 * .3 + .2 * .1 = .41
    counts = np.array([[88, 10, 2], [14, 40, 6], [18, 10, 12]])
    assert cohen_kappa(counts) == pytest.approx(0.29 / 0.59)
    assert np.isnan(cohen_kappa(np.zeros((5, 5))))
    assert np.isnan(cohen_kappa(np.diag([10, 0, 0])))


def test_f1_of_one_opinion_against_the_other_is_the_same_both_ways():
    random = np.random.default_rng(1)
    places = np.arange(0, 40_000, 200)
    one = (places, random.integers(0, 3, len(places)))
    other = (places + 5, random.integers(0, 3, len(places)))
    there, back = agreement(one, other, 360.0), agreement(other, one, 360.0)
    expected = f1_score(one[1], other[1], average=None)
    np.testing.assert_allclose(there.scores.rates.f1[:3], expected)
    np.testing.assert_allclose(back.scores.rates.f1[:3], expected)
    np.testing.assert_array_equal(there.scores.confusion, back.scores.confusion.T)


def test_another_trained_network_is_offered_without_being_told_of():
    sample, spec = builtin("ecg"), registry.find("ecg-beats")
    theirs = replace(spec, name="of-this-session")
    untrained = replace(spec, name="untrained", weights=())
    specs = [*registry.specs(), theirs, untrained]
    offered = opinions(sample, specs, "ecg-beats", 1)
    assert [o.model for o in offered[:2]] == ["ecg-unet", "of-this-session"]
    assert offered[1].title == f"of-this-session · {sample.channels[1]}"
    assert [o.lead for o in offered[:2]] == [1, 1]
    leads = [o.lead for o in offered if o.model == "ecg-beats"]
    assert leads == [k for k in range(len(sample.channels)) if k != 1]
    assert [o.annotator for o in offered if o.annotator] == [m.name for m in sample.annotations]
    assert len({o.title for o in offered}) == len(offered)


def test_names_that_are_no_aami_class_count_as_unknown():
    probabilities = np.array([[0.1, 0.9], [0.8, 0.2]])
    beats = Beats(("V", "odd"), np.array([10.4, 99.6]), np.array([1, 0]), np.ones(2), probabilities)
    places, labels = named_beats(beats)
    assert places.tolist() == [10, 100]
    assert labels.tolist() == [4, 2]
    assert named_marks(Marks("atr", np.array([3, 7]), ("+", "L")))[1].tolist() == [0]
