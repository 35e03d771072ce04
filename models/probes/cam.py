"""Class activation maps of any layer: what each channel and place of it adds to one answer.

Every method weighs the layer's activations a (C, *S), mostly by the gradient g of the answer with
respect to them, and sums over the channels; they differ in the weights. All are written for any
number of spatial axes. A pass is made under the network's lock and differentiates nothing before
the layer: no parameter's `.grad` is touched.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.locks import dim_of, still
from models.probes.attribution import Target
from models.probes.geometry import geometry
from models.probes.trace import named_layers
from models.run import as_batch


@dataclass(frozen=True)
class ClassMap:
    """How much each place supports an answer that is `output` for the input.

    `parts` (C, *U) float32: what each channel of the layer adds. Unit u lies at fed index
    `offset + stride * u`, per axis; both are None where the layer has no place on the input.
    """

    parts: np.ndarray
    output: float
    method: str
    stride: tuple[float, ...] | None
    offset: tuple[float, ...] | None

    @property
    def values(self) -> np.ndarray:
        """The map (*U) float32: above zero what speaks for the answer, below zero against it."""
        return self.parts.sum(axis=0, dtype=np.float32)

    @property
    def positive(self) -> np.ndarray:
        """The map cut at zero, as most of the papers show it."""
        return np.maximum(self.values, 0)


@dataclass(frozen=True)
class LayerGradient:
    """Activations and gradients (C, *U) float32 of a layer, and the number differentiated."""

    activations: np.ndarray
    gradients: np.ndarray
    output: float


def cam(
    net: nn.Module, array: np.ndarray, layer: str, target: Target, method: str = "Grad-CAM"
) -> ClassMap:
    """The map of one of `METHODS` at `layer` for an input (C, *S).

    `layer` is a dotted name, `NAME:2` the second call of a module. Raises UnknownLayer, and
    ValueError for an unknown method or a layer that is not run or answers without channels and
    places.
    """
    if method not in METHODS:
        raise ValueError(f"got method {method!r}, expected one of {', '.join(METHODS)}")
    pulled = layer_gradient(net, array, layer, target)
    parts = METHODS[method](pulled.activations, pulled.gradients)
    stride, offset = layer_place(net, layer)
    return ClassMap(parts.astype(np.float32), pulled.output, method, stride, offset)


def layer_place(
    net: nn.Module, layer: str
) -> tuple[tuple[float, ...], tuple[float, ...]] | tuple[None, None]:
    """Stride and offset of a layer's units on the fed input; None for both without a place."""
    place = geometry(net, dim_of(net)).get(layer)
    return (None, None) if place is None else (place.stride, place.offset)


def layer_gradient(net: nn.Module, array: np.ndarray, layer: str, target: Target) -> LayerGradient:
    """A layer's activations for an input (C, *S), and the gradient of the target there.

    Raises UnknownLayer, and ValueError as `cam` does.
    """
    with still(net), torch.inference_mode(False), torch.no_grad():
        batch = as_batch(net, np.asarray(array)[None]).detach()
        with _leaf_at(net, layer) as leaves:
            value = target(net(batch))
        if not leaves:
            raise ValueError(f"layer {layer!r} was not run, expected one that the input passes")
        leaf = leaves[0]
        if leaf.ndim < 3:
            raise ValueError(
                f"layer {layer!r} answers {tuple(leaf.shape[1:])}, expected channels and places"
            )
        (gradient,) = torch.autograd.grad(value.sum(), leaf, materialize_grads=True)
    activations, gradients = (t.detach()[0].float().cpu().numpy() for t in (leaf, gradient))
    return LayerGradient(activations, gradients, float(value.detach()[0]))


@contextmanager
def _leaf_at(net: nn.Module, layer: str) -> Iterator[list[Tensor]]:
    """Inside, a layer's answer is the leaf of the graph: what follows it is differentiated."""
    name, _, call = layer.partition(":")
    module = named_layers(net, [name])[name]
    wanted, calls = int(call or 1), 0
    leaves: list[Tensor] = []

    def cut(module: nn.Module, inputs: Any, output: Any) -> Tensor | None:
        nonlocal calls
        calls += 1
        if calls != wanted:
            return None
        if not isinstance(output, Tensor):
            raise ValueError(f"layer {layer!r} answers no tensor, expected channels and places")
        torch.set_grad_enabled(True)  # until the `no_grad` around the pass ends
        leaves.append(output.detach().requires_grad_())
        return leaves[0].clone()  # a module after it may work in place

    handle = module.register_forward_hook(cut)
    try:
        yield leaves
    finally:
        handle.remove()


# The methods: activations and gradients (C, *S) to what each channel adds, (C, *S)


def _places(values: np.ndarray) -> tuple[int, ...]:
    return tuple(range(1, values.ndim))


def grad_cam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Each channel by the mean of its gradient.

    Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based
    localization", ICCV 2017, eq. 1 and 2 (without the ReLU). For a network that ends in global
    average pooling and one linear layer, at the layer pooled, this is the class activation map of
    Zhou et al., "Learning deep features for discriminative localization", CVPR 2016, eq. 2,
    divided by the number of places.
    """
    return gradients.mean(axis=_places(gradients), keepdims=True) * activations


def grad_cam_plus_plus(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Each channel by its positive gradients, places that carry an instance counted alike.

    Chattopadhay et al., "Grad-CAM++: improved visual explanations for deep convolutional
    networks", WACV 2018, eq. 19, up to the factor exp(answer) common to all channels.
    """
    axes = _places(gradients)
    below = 2 * gradients**2 + activations.sum(axis=axes, keepdims=True) * gradients**3
    shares = np.divide(gradients**2, below, out=np.zeros_like(below), where=below != 0)
    weights = (shares * np.maximum(gradients, 0)).sum(axis=axes, keepdims=True)
    return weights * activations


def hires_cam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Each place of each channel by its own gradient.

    Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional
    neural networks" (2020, arXiv:2011.08891). At the last layer before one linear layer
    the map and the bias sum to the logit.
    """
    return gradients * activations


def layer_cam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Each place of each channel by its own gradient where that is positive.

    Jiang et al., "LayerCAM: exploring hierarchical class activation maps for localization", IEEE
    Transactions on Image Processing 30 (2021).
    """
    return np.maximum(gradients, 0) * activations


def x_grad_cam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Each channel by the mean of its gradient, weighted by where the channel is active.

    Fu et al., "Axiom-based Grad-CAM: towards accurate visualization and explanation of CNNs",
    BMVC 2020.
    """
    axes = _places(gradients)
    below = activations.sum(axis=axes, keepdims=True)
    above = (gradients * activations).sum(axis=axes, keepdims=True)
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0) * activations


def eigen_cam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """The layer's first principal component: what it shows most of, whatever the answer.

    Muhammad and Yeasin, "Eigen-CAM: class activation map using principal components", IJCNN 2020;
    not centred, as there. The sign, which is free, is the one that makes the sum positive.
    """
    flat = activations.reshape(len(activations), -1).astype(np.float64)  # (C, P)
    if len(flat) <= flat.shape[1]:
        weights = np.linalg.eigh(flat @ flat.T)[1][:, -1]  # (C,)
    else:
        weights = flat @ np.linalg.eigh(flat.T @ flat)[1][:, -1]
        weights /= np.linalg.norm(weights) or 1.0
    weights *= np.sign(weights @ flat.sum(axis=1)) or 1.0
    return weights.reshape(-1, *(1,) * (activations.ndim - 1)) * activations


METHODS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "Grad-CAM": grad_cam,
    "Grad-CAM++": grad_cam_plus_plus,
    "HiResCAM": hires_cam,
    "LayerCAM": layer_cam,
    "XGrad-CAM": x_grad_cam,
    "Eigen-CAM": eigen_cam,
}
