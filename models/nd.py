"""The layer types of one number of spatial dimensions: the only place that spells 1d, 2d, 3d."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Nd:
    """Layer types for `dim` spatial axes; tensors are (N, C, *S) with `dim` axes in S.

    Raises ValueError for a `dim` other than 1, 2 or 3.
    """

    dim: int

    def __post_init__(self) -> None:
        if self.dim not in (1, 2, 3):
            raise ValueError(f"got dim={self.dim!r}, expected 1, 2 or 3 spatial dimensions")

    def _type(self, name: str) -> type[nn.Module]:
        return getattr(nn, f"{name}{self.dim}d")

    @property
    def conv(self) -> type[nn.Module]:
        return self._type("Conv")

    @property
    def conv_transpose(self) -> type[nn.Module]:
        return self._type("ConvTranspose")

    @property
    def batch_norm(self) -> type[nn.Module]:
        return self._type("BatchNorm")

    @property
    def max_pool(self) -> type[nn.Module]:
        return self._type("MaxPool")

    @property
    def avg_pool(self) -> type[nn.Module]:
        return self._type("AvgPool")

    @property
    def adaptive_avg_pool(self) -> type[nn.Module]:
        return self._type("AdaptiveAvgPool")

    @property
    def dropout(self) -> type[nn.Module]:
        return self._type("Dropout")

    def tuple(self, value: int | Sequence[int]) -> tuple[int, ...]:
        """`value` once per axis; a sequence must already have one entry per axis."""
        if isinstance(value, int):
            return (value,) * self.dim
        if len(value) != self.dim:
            raise ValueError(f"got {len(value)} values {tuple(value)}, expected {self.dim}")
        return tuple(value)
