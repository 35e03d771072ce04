"""Why a network answers: the number asked for, by every method, in the place of the sample."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from dashboard.analysis import explain as explaining
from dashboard.analysis.analyze import analyze, input_of
from dashboard.analysis.explain import (
    AT_LAYER,
    METHODS,
    answers_at,
    bounded,
    explain,
    likeness_to_random,
    mass,
    peaks,
)
from dashboard.data.builtin import builtin
from dashboard.data.prepared import Prepared
from models import registry
from models.nd import Nd
from models.probes.cam import ClassMap
from models.probes.randomised import randomised
from models.run import run
from models.spec import InputSpec, ModelSpec


class Dense(nn.Module):
    """A score of three classes at every second place."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv1 = Nd(dim).conv(1, 4, 3, padding=1)
        self.relu = nn.ReLU()
        self.conv2 = Nd(dim).conv(4, 3, 3, stride=2, padding=1)

    def forward(self, x):
        return self.conv2(self.relu(self.conv1(x)))


def dense(dim: int, task: str) -> tuple[nn.Module, ModelSpec, Prepared]:
    """A network without training, its spec, and noise fed half a step beside the sample's grid."""
    torch.manual_seed(dim)
    fed = np.random.default_rng(dim).normal(size=(1, *(12,) * dim)).astype(np.float32)
    to_sample = np.diag([2.0] * dim + [1.0])
    to_sample[:-1, -1] = 0.5
    spec = ModelSpec(
        "dense",
        "",
        "",
        task,
        (dim,),
        lambda *_: Dense(dim),
        InputSpec(),
        3,
        (),
        "conv1",
        "conv2",
        "",
    )
    return Dense(dim).eval(), spec, Prepared(fed, to_sample, fed.shape[1:])


def patch_case():
    sample, spec = builtin("brain"), registry.find("resnet3d-hippocampus")
    net = registry.load(spec.name)
    return net, spec, sample, input_of(sample, spec)


def test_the_answers_of_a_classifier_are_its_logits_by_name():
    net, spec, sample, fed = patch_case()
    asked = answers_at(net, spec, fed, sample.position)
    logits = run(net, fed.array)[0].numpy()
    assert asked.names == spec.weights[0].classes
    np.testing.assert_array_equal(asked.logits, logits)
    assert asked.default == analyze(sample, spec, net=net).prediction.ranked()[0][0]
    for row, name in enumerate(asked.names):
        assert float(asked.target(name)(torch.from_numpy(logits)[None])[0]) == logits[row]


def test_the_answers_about_a_beat_are_those_of_its_cell_over_the_whole_lead():
    sample, spec = builtin("ecg"), registry.find("ecg-beats")
    net = registry.load(spec.name)
    found = analyze(sample, spec, net=net)
    whole = run(net, found.prepared.array)[0].numpy()
    for position in found.prediction.positions[[0, 5, -1]]:
        asked = answers_at(net, spec, found.prepared, (position,))
        cell = int(found.prepared.index_in_input([position])[0] // spec.decoder["stride"])
        expected = whole[[2, 3, 4, 5, 0], cell]
        np.testing.assert_allclose(asked.logits, expected, atol=1e-3)
        assert asked.names == ("N", "V", "F", "Q", "beat")
        assert asked.default in ("N", "V", "F", "Q")


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_segmentation_is_asked_about_the_region_it_gives_to_a_class(dim):
    net, spec, fed = dense(dim, "segmentation")
    output = run(net, fed.array)[0].numpy()
    labels = output.argmax(axis=0)
    asked = answers_at(net, spec, fed, (8.5,) * dim)  # fed index 4, cell 2
    np.testing.assert_allclose(asked.logits, output[(slice(None), *(2,) * dim)])
    assert asked.default == f"class {labels[(2,) * dim]}"
    for channel, name in enumerate(asked.names):
        if (labels == channel).any():
            told = float(asked.target(name)(torch.from_numpy(output)[None])[0])
            assert told == pytest.approx(output[channel][labels == channel].sum(), rel=1e-4)


def test_a_class_that_a_segmentation_gives_no_place_is_asked_about_at_the_position():
    net, spec, fed = dense(2, "segmentation")
    with torch.no_grad():
        net.conv2.bias[1] = -100.0
    asked = answers_at(net, spec, fed, (0.5, 4.5))
    found = explain(net, asked, "class 1", "HiResCAM", "relu")
    assert found.map.output == pytest.approx(float(run(net, fed.array)[0, 1, 0, 1]), abs=1e-4)


def test_a_landmark_is_asked_about_where_its_map_is_highest():
    net, spec, fed = dense(3, "landmarks")
    output = run(net, fed.array)[0].numpy()
    asked = answers_at(net, spec, fed, (3.0, 3.0, 3.0))
    for row, name in enumerate(asked.names):
        found = explain(net, asked, name, "gradient × input", "")
        assert found.map.output == pytest.approx(output[row].max(), abs=1e-5)


def test_an_unknown_answer_or_task_is_refused():
    net, spec, fed = dense(2, "segmentation")
    asked = answers_at(net, spec, fed, (3.0, 3.0))
    with pytest.raises(ValueError, match="class 0, class 1, class 2"):
        asked.target("class 9")
    with pytest.raises(ValueError, match="counting"):
        answers_at(net, replace(spec, task="counting"), fed, (3.0, 3.0))
    net, spec, sample, fed = patch_case()
    asked = answers_at(net, spec, fed, sample.position)
    with pytest.raises(ValueError, match="no place"):
        explain(net, asked, "anterior", "Grad-CAM", "avgpool")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_explains_the_same_logit_and_reports_its_end(method):
    sample, spec = builtin("digit"), registry.find("lenet5-mnist")
    net = registry.load(spec.name)
    fed = input_of(sample, spec)
    asked = answers_at(net, spec, fed, (4.0, 4.0))
    heard = []
    found = explain(net, asked, "5", method, "s4", heard.append)
    assert found.map.output == pytest.approx(float(run(net, fed.array)[0, 5]), abs=1e-4)
    assert found.map.values.ndim == 2
    assert np.isfinite(found.map.values).all()
    assert found.map.values.any()
    if method in AT_LAYER:
        assert found.map.values.shape == (5, 5)
    if method in ("Score-CAM", "occlusion", "integrated gradients"):
        assert heard == sorted(heard)
        assert heard[-1] == pytest.approx(1.0)


def test_work_ends_where_its_listener_raises():
    net, spec, fed = dense(2, "segmentation")
    asked = answers_at(net, spec, fed, (3.0, 3.0))

    def cancel(fraction: float) -> None:
        raise InterruptedError

    for method in ("Score-CAM", "occlusion", "integrated gradients"):
        with pytest.raises(InterruptedError):
            explain(net, asked, "class 0", method, "relu", cancel)


def test_a_map_lies_where_the_patch_was_cut():
    net, spec, sample, fed = patch_case()
    asked = answers_at(net, spec, fed, sample.position)
    found = explain(net, asked, "anterior", "HiResCAM", "layer1.0.relu2")
    # Unit u sees about fed index 2u; the patch has the position's voxel at index 10 of 20.
    at = found.place @ np.array([5.0, 5.0, 5.0, 1.0])
    np.testing.assert_allclose(at[:3], np.rint(sample.position), atol=1e-9)
    low, high = found.box
    np.testing.assert_allclose(high - low, 20.0)
    assert ((low < sample.position) & (sample.position < high)).all()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_what_is_covered_and_matters_is_found_in_the_place_it_has_in_the_sample(dim):
    """A bright spot in the sample is what the network answers to, so the map peaks there."""
    net, spec, fed = dense(dim, "segmentation")
    with torch.no_grad():
        for weight in (net.conv1.weight, net.conv2.weight):
            weight.abs_()
    array = np.zeros_like(fed.array)
    array[(0, *(7,) * dim)] = 5.0
    fed = replace(fed, array=array)
    asked = answers_at(net, spec, fed, (14.5,) * dim)
    for method in METHODS:
        if method == "Score-CAM":
            continue  # a mask that leaves nothing but the spot does not change the answer
        found = explain(net, asked, asked.default, method, "relu")
        best = peaks(found, (25,) * dim, 1)[0]
        np.testing.assert_allclose(best.position, 14.5, atol=2.01)  # one fed step is 2


def test_a_smooth_map_passes_through_the_centres_of_the_units():
    net, spec, sample, fed = patch_case()
    asked = answers_at(net, spec, fed, sample.position)
    found = explain(net, asked, "anterior", "Grad-CAM", "layer2.0.relu2")
    fine, place = found.finer(found.map.values)
    assert fine.shape == fed.array.shape[1:]
    np.testing.assert_array_equal(place, fed.to_sample)
    np.testing.assert_allclose(fine[::4, ::4, ::4], found.map.values, atol=1e-6)


def test_peaks_are_the_strongest_places_and_no_neighbours():
    values = np.zeros((1, 9, 9), np.float32)
    values[0, 2, 3], values[0, 2, 4], values[0, 7, 7], values[0, 5, 0] = 4.0, 3.0, 2.0, -9.0
    fed = Prepared(np.zeros((1, 18, 18), np.float32), np.eye(3), (18, 18))
    found = explaining.Explanation(ClassMap(values, 0, "", (2, 2), (0.5, 0.5)), fed, "a", 0.0)
    told = [(peak.value, peak.position) for peak in peaks(found, (18, 18))]
    assert told == [(4.0, (4.5, 6.5)), (2.0, (14.5, 14.5))]
    assert [peak.value for peak in peaks(found, (12, 12))] == [4.0]  # the other is in the padding


def test_mass_is_shared_out_as_counted_by_hand():
    values = np.zeros((1, 8), np.float32)
    values[0, 0], values[0, 3] = -1.0, 3.0
    fed = Prepared(np.zeros((1, 8), np.float32), np.eye(2), (8,))
    found = explaining.Explanation(ClassMap(values, 0, "", (1,), (0,)), fed, "a", 0.0)
    assert mass(found) == explaining.Mass(0.75, 0.75)
    nothing = replace(found, map=ClassMap(np.zeros((1, 8), np.float32), 0, "", (1,), (0,)))
    assert np.isnan(mass(nothing).positive)


@pytest.mark.parametrize("position", [(3.0, 90.0, 50.0), (60.0, 60.0, 60.0)])
def test_a_large_input_is_cut_about_the_position(monkeypatch, position):
    net = registry.load("resnet3d-hippocampus")
    fed = Prepared(np.zeros((1, 96, 128, 112), np.float32), np.eye(4), (96, 128, 112))
    monkeypatch.setattr(explaining, "MOST_MACS", 1.5e9)
    part = bounded(net, fed, position)
    assert part.array.shape[1:] == (64, 64, 64)
    inside = part.index_in_input(np.array(position))
    assert ((inside >= 0) & (inside <= 63)).all()
    assert not (part.to_sample[:3, 3] % 8).any()  # on the grid of the coarsest layer
    monkeypatch.setattr(explaining, "MOST_MACS", 1e12)
    assert bounded(net, fed, position) is fed


def test_likeness_to_random_weights_is_the_rank_correlation_of_two_maps():
    net, spec, sample, fed = patch_case()
    asked = answers_at(net, spec, fed, sample.position)
    found = explain(net, asked, "anterior", "LayerCAM", "layer1.0.relu2")
    other = explain(randomised(net), asked, "anterior", "LayerCAM", "layer1.0.relu2")
    expected = stats.spearmanr(found.map.values.ravel(), other.map.values.ravel()).statistic
    told = likeness_to_random(net, asked, found, "LayerCAM", "layer1.0.relu2")
    assert told == pytest.approx(expected, abs=1e-12)
    assert abs(told) < 0.9


def test_random_weights_leave_the_network_alone_and_keep_their_range():
    net = registry.load("resnet3d-hippocampus")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    other = randomised(net, seed=3)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    for (name, ours), theirs in zip(net.named_parameters(), other.parameters(), strict=True):
        if ours.ndim > 1:
            assert not torch.equal(ours, theirs), name
            spread = theirs.std(correction=0) / ours.std(correction=0)
            assert float(spread.detach()) == pytest.approx(1, abs=0.25)
        else:
            assert torch.equal(ours, theirs), name
    again = randomised(net, seed=3)
    assert torch.equal(again.conv1.weight, other.conv1.weight)
