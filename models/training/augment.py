"""Random changes of a whole batch (N, C, *S) for any number of spatial axes.

Every function draws from the generator it is given and changes each sample of the batch by its
own random amount, so that the same seed gives the same batch. Values are in 0..1 unless said.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from models.nd import Nd

# torch's names of linear interpolation by number of axes
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def per_sample(x: Tensor, low: float, high: float, generator: torch.Generator) -> Tensor:
    """One uniform number in low..high per sample, shaped (N, 1, ..., 1) to go with `x`."""
    numbers = torch.rand(len(x), generator=generator) * (high - low) + low
    return numbers.reshape(-1, *(1,) * (x.ndim - 1)).to(x)


def chosen(x: Tensor, changed: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """`changed` for a part `chance` of the samples, `x` for the others."""
    return torch.where(per_sample(x, 0, 1, generator) < chance, changed, x)


def flip(x: Tensor, axis: int, generator: torch.Generator, chance: float = 0.5) -> Tensor:
    """Mirror along spatial `axis` (0 is the first after the channels)."""
    return chosen(x, x.flip(2 + axis), chance, generator)


def gamma(x: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """x ** g with log g uniform in -strength..strength."""
    return x.clamp(0, 1) ** per_sample(x, -strength, strength, generator).exp()


def contrast(x: Tensor, offset: float, gain: float, generator: torch.Generator) -> Tensor:
    """x * (1 ± gain) ± offset; leaves 0..1, whoever feeds it on clips."""
    scale = 1 + per_sample(x, -gain, gain, generator)
    return x * scale + per_sample(x, -offset, offset, generator)


def window(x: Tensor, dark: float, bright: float, generator: torch.Generator) -> Tensor:
    """Black moved by -dark..dark/4 and white by -bright/4..bright of the range, then cut to 0..1.

    As if something darker or brighter had been in the picture when its range was taken.
    """
    black = per_sample(x, -dark, dark / 4, generator)
    white = 1 + per_sample(x, -bright / 4, bright, generator)
    return ((x - black) / (white - black)).clamp(0, 1)


def shading(x: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """x times a smooth field, its log in -strength..strength: uneven coils of a scanner."""
    field = _coarse_noise(x, 1, generator)
    return x * (field * strength).exp().to(x)


def noise(x: Tensor, highest: float, generator: torch.Generator) -> Tensor:
    """White noise of a standard deviation uniform in 0..highest."""
    white = torch.randn(x.shape, generator=generator).to(x)
    return x + white * per_sample(x, 0, highest, generator)


def affine(
    x: Tensor,
    generator: torch.Generator,
    *,
    turn: float = 0.0,
    scale: float = 0.0,
    shear: float = 0.0,
    shift: float = 0.0,
    bend: float = 0.0,
    padding: str = "border",
) -> Tensor:
    """Rotate, scale, shear, shift and bend around the middle; outside: "border" or "zeros".

    `turn` is the largest angle in radians in each plane of two axes, `scale` the largest log
    factor per axis, `shear` the largest slant, `shift` the largest displacement in samples,
    `bend` that of each point of a coarse grid (Simard, Steinkraus, Platt 2003, section 2).
    """
    dim = x.ndim - 2
    matrix = random_matrices(len(x), dim, turn, scale, shear, generator)
    moved = (torch.rand(len(x), dim, generator=generator) * 2 - 1) * shift
    moved = moved.reshape(-1, *(1,) * dim, dim)  # (N, 1, ..., dim)
    if bend:
        moved = moved + _random_bends(x, generator) * bend
    return warp(x, matrix, moved, padding)


def _random_bends(x: Tensor, generator: torch.Generator) -> Tensor:
    """Smooth displacements (N, *S, dim) in -1..1, drawn on a grid of four points per axis."""
    return _coarse_noise(x, x.ndim - 2, generator).movedim(1, -1)


def _coarse_noise(x: Tensor, channels: int, generator: torch.Generator) -> Tensor:
    """(N, channels, *S) in -1..1: drawn on four points per axis, linear between them."""
    dim = x.ndim - 2
    coarse = torch.rand(len(x), channels, *(4,) * dim, generator=generator) * 2 - 1
    return functional.interpolate(coarse, size=x.shape[2:], mode=LINEAR[dim], align_corners=True)


def random_matrices(
    count: int, dim: int, turn: float, scale: float, shear: float, generator: torch.Generator
) -> Tensor:
    """(count, dim, dim): exp of a random matrix is a turn, a stretch and a slant in one."""
    drawn = torch.rand(count, dim, dim, generator=generator) * 2 - 1
    upper = torch.triu(torch.ones(dim, dim), 1)
    skew = drawn * upper - (drawn * upper).transpose(1, 2)
    slant = drawn.transpose(1, 2) * upper
    stretch = torch.diag_embed(torch.diagonal(drawn, dim1=1, dim2=2))
    return torch.linalg.matrix_exp(turn * skew + shear * slant + scale * stretch)


def warp(
    x: Tensor,
    matrix: Tensor,
    moved: Tensor,
    padding: str,
    extent: Sequence[int] | None = None,
) -> Tensor:
    """`x` read, linearly, at matrix @ (index - middle) + middle + moved.

    `matrix` (N, dim, dim); `moved` (N, *S, dim), or (N, 1, ..., dim), in samples; `extent` is the
    spatial shape of the result (default: that of `x`), whose middle reads the middle of `x`.
    """
    dim = x.ndim - 2
    read_at = tuple(extent or x.shape[2:])
    axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in read_at]
    index = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)  # (*S, dim)
    reached = torch.einsum("nab,...b->n...a", matrix, index)  # (N, *S, dim)
    reached = reached + moved
    size = torch.tensor(x.shape[2:], dtype=torch.float32)
    # grid_sample wants -1..1 between the outer edges of the array, last axis first.
    grid = (reached * 2 / size).flip(-1).to(x)
    if dim == 1:  # it knows two and three axes only: a signal is an image of one row
        grid = torch.stack([grid[..., 0], torch.zeros_like(grid[..., 0])], dim=-1)
        read = functional.grid_sample(
            x[:, :, None], grid[:, None], padding_mode=padding, align_corners=False
        )
        return read[:, :, 0]
    return functional.grid_sample(x, grid, padding_mode=padding, align_corners=False)


def blur(x: Tensor, highest: float, generator: torch.Generator) -> Tensor:
    """Gaussian blur of one width per batch, mixed into each sample by its own part (0..1).

    `highest` is the largest standard deviation in samples.
    """
    width = float(torch.rand(1, generator=generator)) * highest + 1e-3
    return torch.lerp(x, smooth(x, width), per_sample(x, 0, 1, generator))


def smooth(x: Tensor, width: float) -> Tensor:
    """Gaussian blur with standard deviation `width` in samples; edge values are repeated."""
    dim = x.ndim - 2
    radius = max(1, round(3 * width))
    place = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.softmax(-0.5 * (place / width) ** 2, dim=0).tolist()
    for axis in range(2, x.ndim):
        pads = [0] * (2 * dim)  # torch lists the last axis first
        pads[2 * (x.ndim - 1 - axis)] = pads[2 * (x.ndim - 1 - axis) + 1] = radius
        padded = functional.pad(x, pads, mode="replicate")
        length = x.shape[axis]
        x = sum(weight * padded.narrow(axis, i, length) for i, weight in enumerate(kernel))
    return x


def low_resolution(x: Tensor, sizes: Sequence[int], generator: torch.Generator) -> Tensor:
    """Averaged down to one of `sizes` samples per axis (one draw per batch) and back, linearly."""
    choice = int(torch.randint(len(sizes), (1,), generator=generator))
    small = functional.interpolate(x, size=(sizes[choice],) * (x.ndim - 2), mode="area")
    mode = LINEAR[x.ndim - 2]
    return functional.interpolate(small, size=x.shape[2:], mode=mode, align_corners=False)


def thickness(x: Tensor, generator: torch.Generator, strongest: float = 1.0) -> Tensor:
    """Bright lines made thicker or thinner by up to about one sample on either side."""
    pool = Nd(x.ndim - 2).max_pool(3, stride=1, padding=1)
    thick, thin = pool(x), -pool(-x)
    part = per_sample(x, -strongest, strongest, generator)
    return torch.where(part > 0, torch.lerp(x, thick, part), torch.lerp(x, thin, -part))
