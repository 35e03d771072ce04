"""A network whose batch norms are folded into the convolutions before them: same answer, less work.

A batch norm in eval mode scales and shifts each channel by fixed numbers, which the kernel before
it can do itself (Jacob et al. 2018, "Quantization and training of neural networks", section 3.2).
"""

import copy

from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.locks import still
from models.probes.geometry import graph_of


def folded(net: nn.Module) -> nn.Module:
    """A private copy of `net`, in eval mode, that has no batch norm after a convolution.

    Only pairs are folded whose convolution goes nowhere else and is called once; where torch.fx
    cannot follow the network, the copy is a plain one. Weights of `net` do not change.
    """
    graph = graph_of(net)
    with still(net):
        private = copy.deepcopy(net).eval()
    for first, second in _pairs(graph, private) if graph is not None else ():
        convolution, norm = private.get_submodule(first), private.get_submodule(second)
        private.set_submodule(first, fuse_conv_bn_eval(convolution, norm))
        private.set_submodule(second, nn.Identity())
    return private.requires_grad_(False)


def _pairs(graph: fx.Graph, net: nn.Module) -> list[tuple[str, str]]:
    """Names of convolutions and the batch norms that alone take their answers."""
    calls = [node for node in graph.nodes if node.op == "call_module"]
    often = {node.target for node in calls if sum(n.target == node.target for n in calls) > 1}
    found = []
    for node in calls:
        if not isinstance(net.get_submodule(node.target), _BatchNorm) or node.target in often:
            continue
        (source,) = node.all_input_nodes
        if source.op != "call_module" or source.target in often or len(source.users) > 1:
            continue
        layer, norm = net.get_submodule(source.target), net.get_submodule(node.target)
        if type(layer).__bases__[0] is _ConvNd and norm.track_running_stats:
            found.append((source.target, node.target))
    return found
