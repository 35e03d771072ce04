"""How much each input value contributes to one number of a network's output, in any rank.

Gradients are taken with respect to the input alone (`torch.autograd.grad`): no parameter's `.grad`
is touched. Every pass is made under the network's lock.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from models.locks import still
from models.run import as_batch

Target = Callable[[Tensor], Tensor]  # output (N, ...) to one number per input (N,)

STEPS = 32  # points on the way from baseline to input
MOST_VALUES = 2**19  # input values differentiated at once: bounds memory


@dataclass(frozen=True)
class Attribution:
    """Contributions `values` (C, *S) float32 to a number that is `output` for the input.

    `baseline` is that number for the input that stands for nothing; NaN where none was used.
    """

    values: np.ndarray
    output: float
    baseline: float
    method: str

    @property
    def gap(self) -> float:
        """What the contributions sum to beyond output minus baseline: 0 for an exact integral."""
        return float(self.values.sum(dtype=np.float64)) - (self.output - self.baseline)


def unit(channel: int, *place: int) -> Target:
    """One channel of an output (N, C, *S) at a place, or one entry of an output (N, C)."""
    return lambda output: output[(slice(None), channel, *place)]


def region(channel: int, mask: np.ndarray) -> Target:
    """One channel of an output (N, C, *S) summed over the places of a boolean `mask` (*S).

    What a segmentation says of a whole region: Vinogradova, Dibrov, Myers, "Towards interpretable
    semantic segmentation via gradient-weighted class activation mapping" (AAAI 2020).
    Raises ValueError for an empty mask.
    """
    if not mask.any():
        raise ValueError(f"got a mask {mask.shape} of no place, expected at least one")
    inside = torch.from_numpy(np.ascontiguousarray(mask, dtype=bool))
    return lambda output: output[:, channel][:, inside.to(output.device)].sum(dim=1)


def gradient_times_input(net: nn.Module, array: np.ndarray, target: Target) -> Attribution:
    """Gradient of the target at the input, times the input (C, *S).

    Shrikumar, Greenside, Shcherbina, Kundaje, "Not just a black box" (2016, arXiv:1605.01713).
    """
    with still(net), torch.inference_mode(False), torch.enable_grad():
        batch = as_batch(net, np.asarray(array)[None]).detach()
        value, gradient = _gradient(net, batch, target)
    values = (gradient * batch)[0].cpu().numpy()
    return Attribution(values, float(value[0]), float("nan"), "gradient x input")


def integrated_gradients(
    net: nn.Module,
    array: np.ndarray,
    target: Target,
    *,
    baseline: np.ndarray | float = 0.0,
    steps: int = STEPS,
    on_progress: Callable[[float], None] | None = None,
) -> Attribution:
    """Gradients of the target along the straight way from `baseline` to the input (C, *S).

    Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", ICML 2017, eq. 1; the
    integral by Gauss and Legendre's rule with `steps` points. Contributions sum to the difference
    of the output (their proposition 1) as far as the rule is exact: see `Attribution.gap`.
    `on_progress` hears the share of the points that are done and may raise to end it.
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    with still(net), torch.inference_mode(False), torch.enable_grad():
        end = as_batch(net, np.asarray(array)[None]).detach()  # (1, C, *S)
        start = torch.broadcast_to(torch.as_tensor(baseline).to(end), end.shape)
        shape = (-1, *(1,) * (end.ndim - 1))
        shares = torch.as_tensor((nodes + 1) / 2).to(end).reshape(shape)  # (steps, 1, ..)
        portions = torch.as_tensor(weights / 2).to(end).reshape(shape)
        mean = torch.zeros_like(end)
        at_once, done = max(1, MOST_VALUES // end.numel()), 0.0
        for share, portion in zip(shares.split(at_once), portions.split(at_once), strict=True):
            _, gradient = _gradient(net, start + share * (end - start), target)
            mean += (portion * gradient).sum(dim=0, keepdim=True)
            done += len(share) / steps
            if on_progress is not None:
                on_progress(min(done, 1.0))
        with torch.no_grad():
            output, before = (float(target(net(x))[0]) for x in (end, start))
    values = (mean * (end - start))[0].cpu().numpy()
    return Attribution(values, output, before, f"integrated gradients ({steps} steps)")


def _gradient(net: nn.Module, batch: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """The target of every input of a batch, and its gradient there."""
    inputs = batch.clone().requires_grad_()
    value = target(net(inputs))
    (gradient,) = torch.autograd.grad(value.sum(), inputs)
    return value.detach(), gradient
