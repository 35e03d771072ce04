"""The layer types of a number of dimensions."""

import pytest
from torch import nn

from models.nd import Nd


def test_types_are_those_of_torch():
    assert [Nd(dim).conv for dim in (1, 2, 3)] == [nn.Conv1d, nn.Conv2d, nn.Conv3d]
    assert Nd(1).conv_transpose is nn.ConvTranspose1d
    assert Nd(2).adaptive_avg_pool is nn.AdaptiveAvgPool2d
    assert Nd(3).batch_norm is nn.BatchNorm3d


def test_a_value_is_repeated_per_axis_and_a_sequence_is_checked():
    assert Nd(3).tuple(2) == (2, 2, 2)
    assert Nd(2).tuple([1, 3]) == (1, 3)
    with pytest.raises(ValueError, match="expected 2"):
        Nd(2).tuple((1, 2, 3))


@pytest.mark.parametrize("dim", [0, 4, "2"])
def test_other_dimensions_are_refused(dim):
    with pytest.raises(ValueError, match="expected 1, 2 or 3"):
        Nd(dim)
