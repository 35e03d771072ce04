"""Whole scans: the map against the crosshair's answers, one pass against windows, masks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dashboard.analysis.analyze import analyze
from dashboard.analysis.benchmarks.memory import peak_memory
from dashboard.analysis.whole import (
    DENSE,
    SLIDING,
    WINDOWS,
    ClassMap,
    methods,
    plan_whole,
    whole_map,
)
from dashboard.data.builtin import builtin
from models import registry
from models.locks import lock_of
from models.nd import Nd
from models.nets.unet import Design, UNet
from models.records import Mask

SPEC = registry.find("resnet3d-hippocampus")


@pytest.fixture(scope="module")
def net():
    return registry.load(SPEC.name)


@pytest.fixture(scope="module")
def part():
    """The brain about the left hippocampus, its axes turned and flipped: (j, -k, -i)."""
    brain = builtin("brain")
    low = np.array([55, 90, 35])
    box = brain.array[0, 55:91, 90:142, 35:71]
    turned = np.ascontiguousarray(box.transpose(1, 2, 0)[:, ::-1, ::-1])[None]
    matrix = np.array([[0, 0, -1, 35], [1, 0, 0, 0], [0, -1, 0, 35], [0, 0, 0, 1.0]])
    moved = brain.affine.copy()
    moved[:3, 3] = brain.to_world(low)
    return replace(brain, array=turned, affine=moved @ matrix, position=None, name="part")


def finish(sample, spec, net, plan, **options):
    steps = list(whole_map(sample, spec, net, plan, **options))
    shares = [step.fraction for step in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    return steps[-1].values["answer"]


def test_each_answer_of_the_map_is_that_of_the_crosshair_there(part, net):
    plan = plan_whole(part, SPEC, net)
    assert (plan.method, plan.step, plan.shape) == (WINDOWS, (8, 8, 8), (3, 5, 3))
    answer = finish(part, SPEC, net, plan)
    assert answer.run == plan.windows == 45
    found = answer.found
    for unit in list(np.ndindex(plan.shape))[::6]:
        position = (found.place @ np.array([*unit, 1.0]))[:3]
        at = analyze(part, SPEC, net=net, position=position).prediction
        shares = found.probabilities[(slice(None), *unit)]
        # batches of other sizes: float32 sums in another order
        np.testing.assert_allclose(shares, at.probabilities, atol=1e-5)
    assert found.names == at.names


def test_a_finer_step_holds_the_coarse_answers(part, net):
    coarse = finish(part, SPEC, net, plan_whole(part, SPEC, net)).found
    plan = plan_whole(part, SPEC, net, WINDOWS, 4)
    assert plan.shape == (5, 9, 5)
    finer = finish(part, SPEC, net, plan).found
    np.testing.assert_allclose(
        finer.probabilities[:, ::2, ::2, ::2], coarse.probabilities, atol=1e-5
    )
    np.testing.assert_allclose(finer.place @ np.diag([2, 2, 2, 1.0]), coarse.place)


def test_one_pass_has_the_same_places_and_mostly_the_same_classes(part, net):
    plan = plan_whole(part, SPEC, net, DENSE)
    assert len(plan.borders) == 11  # every convolution of width 3 pads: no exact answer
    fast = finish(part, SPEC, net, plan).found
    slow = finish(part, SPEC, net, plan_whole(part, SPEC, net)).found
    np.testing.assert_allclose(fast.place, slow.place)
    assert fast.probabilities.shape == slow.probabilities.shape
    np.testing.assert_allclose(fast.probabilities.sum(axis=0), 1, atol=1e-5)
    same = fast.probabilities.argmax(axis=0) == slow.probabilities.argmax(axis=0)
    assert same.mean() >= 0.8
    assert np.abs(fast.probabilities - slow.probabilities).max() > 1e-3


def test_air_is_left_out_when_asked(net):
    brain = builtin("brain")
    box = np.zeros((1, 24, 24, 60), dtype=np.uint8)
    box[..., 30:] = brain.array[:, 60:84, 100:124, 40:70]
    sample = replace(brain, array=box, position=None)
    plan = plan_whole(sample, SPEC, net)
    answer = finish(sample, SPEC, net, plan, skip_air=True)
    assert plan.shape == (1, 1, 6)
    assert answer.run == 4  # patches from 0 and 8 end before 30
    missing = np.isnan(answer.found.probabilities[0, 0, 0])
    assert missing.tolist() == [True, True, False, False, False, False]


def test_a_cancelled_run_leaves_nothing_and_frees_the_network(part, net):
    before = {key: value.clone() for key, value in net.state_dict().items()}
    for method in methods(SPEC):
        steps = whole_map(part, SPEC, net, plan_whole(part, SPEC, net, method))
        next(steps)
        steps.close()
        assert list(steps) == []
    assert lock_of(net).acquire(blocking=False)
    lock_of(net).release()
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_networks_and_scans_without_a_whole_map_say_so(part, net):
    assert methods(registry.find("lenet5")) == ()
    with pytest.raises(ValueError, match="cannot be run over a whole scan"):
        plan_whole(part, registry.find("lenet5"), net)
    small = replace(part, array=part.array[:, :19])
    with pytest.raises(ValueError, match="at least its window of 20 x 20 x 20"):
        plan_whole(small, SPEC, net)


@pytest.fixture(scope="module")
def segmenting():
    """An untrained U-Net of two levels under the shipped segmentation's own input."""
    torch.manual_seed(0)
    spec = registry.find("unet3d-hippocampus")
    design = Design((4, 8, 8))
    return spec, UNet(Nd(3), 1, spec.classes, design).eval()


def test_a_mask_of_the_whole_scan_lies_on_its_own_grid(segmenting):
    spec, unet = segmenting
    brain = builtin("brain")
    sample = replace(brain, array=np.ascontiguousarray(brain.array[:, 40:100, 60:150, 30:90]))
    plan = plan_whole(sample, spec, unet)
    assert plan.method == SLIDING
    assert plan.size == (64, 64, 64)
    assert plan.windows == 2
    answer = finish(sample, spec, unet, plan)
    assert isinstance(answer.found, Mask)
    assert answer.found.labels.shape == sample.shape
    assert answer.found.region is None
    turned = replace(
        sample,
        array=np.ascontiguousarray(sample.array[:, ::-1].transpose(0, 2, 1, 3)),
        affine=sample.affine
        @ np.array([[0, -1, 0, 89], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
    )
    again = finish(turned, spec, unet, plan_whole(turned, spec, unet)).found
    same = again.labels.transpose(1, 0, 2)[::-1] == answer.found.labels
    assert same.mean() > 0.9999  # ties of float32


def test_a_mask_without_anything_but_air_is_background(segmenting):
    spec, unet = segmenting
    brain = builtin("brain")
    array = np.zeros((1, 60, 90, 60), dtype=np.uint8)
    array[0, -1, -1, -1] = 1
    sample = replace(brain, array=array)
    plan = plan_whole(sample, spec, unet)
    answer = finish(sample, spec, unet, plan, skip_air=True)
    assert not answer.found.labels[:8, :8, :8].any()
    assert answer.run < plan.windows


@pytest.mark.slow
@pytest.mark.parametrize("method", [WINDOWS, DENSE, SLIDING])
def test_the_memory_of_a_whole_brain_stays_under_its_plan(method, net, segmenting):
    brain = builtin("brain")
    spec, network = segmenting if method == SLIDING else (SPEC, net)
    plan = plan_whole(brain, spec, network, method, 16 if method == WINDOWS else None)
    with peak_memory() as peak:
        answer = finish(brain, spec, network, plan)
    if np.isnan(peak.megabytes):
        pytest.skip("this system does not tell a peak of memory")
    assert peak.megabytes <= plan.bytes / 2**20
    assert isinstance(answer.found, Mask if method == SLIDING else ClassMap)
