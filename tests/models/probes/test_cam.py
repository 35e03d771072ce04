"""Class activation maps against captum, slow loops, and by what they must sum to, in every rank."""

import itertools
import threading

import captum.attr
import numpy as np
import pytest
import torch
from torch import nn

from models import registry
from models.probes.attribution import region, unit
from models.probes.cam import METHODS, cam, layer_gradient
from models.probes.perturbation import score_cam
from models.probes.trace import UnknownLayer, trace
from models.run import run
from tests.models.probes.small_nets import SIDES, Dense, case

DIMS = pytest.mark.parametrize("dim", [1, 2, 3])


def full_graph(net, x, layer, answer) -> tuple[np.ndarray, np.ndarray]:
    """Activations and gradients of a layer from an ordinary backward pass on a private copy."""
    kept = []
    handle = net.get_submodule(layer).register_forward_hook(
        lambda m, i, output: (output.retain_grad(), kept.append(output))[0]
    )
    answer(net(torch.from_numpy(x)[None].requires_grad_())).backward()
    handle.remove()
    net.zero_grad()
    return kept[0].detach()[0].numpy(), kept[0].grad[0].numpy()


def slowly(method: str, a: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The map, place by place, as the papers write it."""
    out, count = np.zeros(a.shape[1:]), a[0].size
    for channel in range(len(a)):
        places = list(itertools.product(*map(range, a.shape[1:])))
        ac, gc = a[channel].astype(float), g[channel].astype(float)
        mean = sum(gc[p] for p in places) / count
        plus = 0.0
        for p in places:
            below = 2 * gc[p] ** 2 + sum(ac[q] for q in places) * gc[p] ** 3
            plus += (gc[p] ** 2 / below if below else 0.0) * max(gc[p], 0.0)
        total = sum(ac[p] for p in places)
        x_mean = sum(gc[p] * ac[p] / total for p in places) if total else 0.0
        for p in places:
            weight = {
                "Grad-CAM": mean,
                "Grad-CAM++": plus,
                "HiResCAM": gc[p],
                "LayerCAM": max(gc[p], 0.0),
                "XGrad-CAM": x_mean,
            }[method]
            out[p] += weight * ac[p]
    return out


@DIMS
def test_grad_cam_equals_that_of_captum(dim):
    net, x = case(dim)
    for layer in ("conv1", "relu2"):
        theirs = captum.attr.LayerGradCam(net, net.get_submodule(layer)).attribute(
            torch.from_numpy(x)[None], target=1
        )
        found = cam(net, x, layer, unit(1)).values
        np.testing.assert_allclose(found, theirs[0, 0].detach().numpy(), atol=1e-7)


@DIMS
@pytest.mark.parametrize("method", [name for name in METHODS if name != "Eigen-CAM"])
def test_every_method_equals_its_formula_written_as_loops(dim, method):
    net, x = case(dim)
    for layer in ("conv1", "relu2"):  # signed and rectified activations
        a, g = full_graph(net, x, layer, lambda out: out[0, 2])
        found = cam(net, x, layer, unit(2), method)
        expected = slowly(method, a, g)
        np.testing.assert_allclose(found.values, expected, atol=1e-5 * np.abs(expected).max())
        np.testing.assert_array_equal(found.positive, np.maximum(found.values, 0))


@DIMS
@pytest.mark.parametrize("layer", ["conv1", "relu2"])
def test_eigen_cam_is_the_first_principal_component(dim, layer):
    net, x = case(dim)
    found = cam(net, x, layer, unit(0), "Eigen-CAM").values
    a = trace(net, x, layers=[layer])[layer].array
    rows = a.reshape(len(a), -1).T  # (P, C), as in the paper
    _, _, basis = np.linalg.svd(rows, full_matrices=False)
    expected = rows @ basis[0]
    expected *= np.sign(expected.sum())
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-5)


def test_eigen_cam_works_with_more_channels_than_places():
    a = np.random.default_rng(0).random((9, 2, 2)).astype(np.float32)
    found = METHODS["Eigen-CAM"](a, a).sum(axis=0)
    rows = a.reshape(9, -1).T
    expected = rows @ np.linalg.svd(rows, full_matrices=False)[2][0]
    np.testing.assert_allclose(found.ravel(), np.abs(expected), atol=1e-5)


@DIMS
def test_at_the_pooled_layer_grad_cam_is_the_weights_of_the_head(dim):
    net, x = case(dim)
    a = trace(net, x, layers=["relu2"])["relu2"].array
    weights = net.head.weight[1].detach().numpy().reshape(-1, *(1,) * dim)
    by_hand = (weights * a).sum(axis=0) / a[0].size  # Zhou et al. 2016, per place of the mean
    for method in ("Grad-CAM", "HiResCAM"):
        found = cam(net, x, "relu2", unit(1), method).values
        np.testing.assert_allclose(found, by_hand, atol=1e-6)


@DIMS
def test_hires_cam_at_the_pooled_layer_and_the_bias_sum_to_the_logit(dim):
    net, x = case(dim)
    found = cam(net, x, "relu2", unit(2), "HiResCAM")
    logit = float(run(net, x)[0, 2])
    assert found.output == pytest.approx(logit, abs=1e-6)
    assert found.values.sum() + float(net.head.bias[2].detach()) == pytest.approx(logit, abs=1e-6)


@DIMS
def test_an_answer_about_a_region_is_the_sum_of_its_places(dim):
    net, x = case(dim, Dense)
    mask = np.zeros(SIDES[dim], bool)
    mask[tuple(slice(1, 4) for _ in SIDES[dim])] = True
    places = list(zip(*np.nonzero(mask), strict=True))
    for method in ("Grad-CAM", "HiResCAM"):
        found = cam(net, x, "relu1", region(2, mask), method)
        singly = [cam(net, x, "relu1", unit(2, *map(int, p)), method) for p in places]
        expected = sum(one.values for one in singly)
        np.testing.assert_allclose(found.values, expected, atol=1e-5)
        assert found.output == pytest.approx(sum(one.output for one in singly), abs=1e-4)
    # Nothing further away than the second filter reaches can matter.
    reach = np.zeros(SIDES[dim], bool)
    reach[tuple(slice(0, 5) for _ in SIDES[dim])] = True
    assert not found.values[~reach].any()


def test_a_region_without_a_place_is_refused():
    with pytest.raises(ValueError, match="mask"):
        region(0, np.zeros((3, 3), bool))


@DIMS
def test_a_module_that_works_in_place_changes_nothing(dim):
    net, x = case(dim)
    other, _ = case(dim, inplace=True)
    other.load_state_dict(net.state_dict())
    for layer in ("conv1", "conv2"):
        plain, inplace = (cam(n, x, layer, unit(0), "HiResCAM").values for n in (net, other))
        np.testing.assert_array_equal(plain, inplace)


def test_a_module_that_runs_twice_is_explained_at_either_call():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(1, 1, 1, bias=False)
            nn.init.constant_(self.conv.weight, 3.0)

        def forward(self, x):
            return self.conv(self.conv(x)).sum(dim=2)

    x = np.array([[1.0, 2.0]], np.float32)
    first, second = (cam(Twice().eval(), x, name, unit(0)) for name in ("conv", "conv:2"))
    np.testing.assert_allclose(first.values, [9.0, 18.0])  # a = 3 x, gradient 3
    np.testing.assert_allclose(second.values, [9.0, 18.0])  # a = 9 x, gradient 1


@DIMS
def test_a_map_knows_where_its_units_lie(dim):
    net, x = case(dim)
    found = cam(net, x, "relu2", unit(0))
    record = trace(net, x, layers=["relu2"])["relu2"]
    assert found.stride == record.stride == (2,) * dim
    assert found.offset == record.offset
    assert found.values.shape == record.shape[1:]
    assert found.values.dtype == np.float32


@pytest.mark.parametrize("layer", ["flatten", "head"])
def test_a_layer_without_places_is_refused(layer):
    net, x = case(2)
    with pytest.raises(ValueError, match="channels and places"):
        cam(net, x, layer, unit(0))


def test_unknown_names_are_refused():
    net, x = case(1)
    with pytest.raises(UnknownLayer):
        cam(net, x, "conv9", unit(0))
    with pytest.raises(ValueError, match="one of Grad-CAM"):
        cam(net, x, "conv1", unit(0), "Best-CAM")
    with pytest.raises(ValueError, match="was not run"):
        cam(net, x, "conv1:2", unit(0))


def test_a_map_leaves_no_state_behind():
    net, x = case(2)
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for method in METHODS:
        cam(net, x, "conv1", unit(1), method)
    list(score_cam(net, x, "conv1", unit(1)))
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert all(module.training and not module._forward_hooks for module in net.modules())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert torch.is_grad_enabled()


def test_maps_can_be_made_inside_inference_mode():
    net, x = case(1)
    expected = cam(net, x, "conv1", unit(1)).values
    with torch.inference_mode():
        np.testing.assert_array_equal(cam(net, x, "conv1", unit(1)).values, expected)
        assert torch.is_inference_mode_enabled()


def test_nothing_before_the_layer_is_differentiated():
    net, x = case(2)
    seen = []
    net.conv2.register_forward_hook(lambda m, i, out: seen.append(out.requires_grad))
    net.conv1.register_forward_hook(lambda m, i, out: seen.append(out.requires_grad))
    layer_gradient(net, x, "conv2", unit(0))
    assert seen == [False, False]


def test_one_session_explains_while_others_trace_and_predict():
    net = registry.load("resnet3d-hippocampus")
    x = np.random.default_rng(0).normal(size=(1, 20, 20, 20)).astype(np.float32)
    work = (
        lambda: cam(net, x, "layer2", unit(0)).values,
        lambda: run(net, x).numpy(),
        lambda: trace(net, x, layers=["layer2"])["layer2"].array,
    )
    alone = [make() for make in work]
    results: dict[int, list[np.ndarray]] = {0: [], 1: [], 2: []}

    def repeat(kind: int) -> None:
        for _ in range(4):
            results[kind].append(work[kind]())

    threads = [threading.Thread(target=repeat, args=(kind,)) for kind in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for kind, found in results.items():
        assert len(found) == 4
        for one in found:
            np.testing.assert_allclose(one, alone[kind], atol=1e-6)
