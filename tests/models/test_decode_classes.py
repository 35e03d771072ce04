"""Scores of a classifier become named probabilities."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from models import registry
from models.decode.classes import class_names, decode

SPEC = registry.find("lenet5-mnist")


@pytest.mark.parametrize("shape", [(10,), (1, 10)])
@pytest.mark.parametrize("kind", [torch.as_tensor, np.asarray])
def test_probabilities_equal_the_softmax_of_scipy(shape, kind):
    scores = np.random.default_rng(0).normal(0, 5, 10).astype(np.float32)
    classes = decode(kind(scores.reshape(shape)), SPEC)
    np.testing.assert_allclose(classes.probabilities, softmax(scores.astype(float)), rtol=1e-9)
    assert classes.names == tuple("0123456789")
    assert classes.ranked()[0] == (
        str(scores.argmax()),
        scores.argmax(),
        pytest.approx(softmax(scores.astype(float)).max()),
    )


def test_a_sure_network_gives_probabilities_that_add_up_to_one():
    classes = decode(torch.tensor([[1000.0, -1000.0, 0.0]]), SPEC)
    assert classes.probabilities.sum() == pytest.approx(1.0, abs=1e-15)
    assert np.isfinite(classes.probabilities).all()


def test_a_batch_of_answers_is_refused():
    with pytest.raises(ValueError, match=r"got scores \(2, 10\), expected"):
        decode(torch.zeros(2, 10), SPEC)


def test_outputs_without_trained_names_are_numbered():
    assert class_names(SPEC, 2) == ("class 0", "class 1")


@pytest.mark.parametrize("name", registry.names(task="classification"))
def test_every_classifier_has_a_name_for_each_output(name):
    spec = registry.find(name)
    assert len(set(class_names(spec, spec.classes))) == spec.classes
