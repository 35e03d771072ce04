"""Networks asked for on the command line: found, loaded, and wrong names said in one line.

Importing this module imports torch (through `models`), so verbs import it when they need it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from dashboard.analysis.plugins import add_plugin
from dashboard.commands.options import existing_file
from dashboard.commands.usage import UsageError
from dashboard.data.sample import Sample
from models import device, registry
from models.probes.trace import UnknownLayer
from models.spec import ModelSpec


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """What `models`, `analysis` and `recipes` say about wrong input becomes a UsageError."""
    try:
        yield
    except (registry.UnknownModel, UnknownLayer, ValueError, OSError, ArithmeticError) as error:
        raise UsageError(str(error)) from error


def use_plugin(name: str | None) -> None:
    """Add the networks of a plugin file to the registry; nothing for None."""
    path = existing_file(name, "--plugin")
    if path is not None:
        with told_in_one_line():
            add_plugin(path)


def find_spec(name: str) -> ModelSpec:
    """The registry's network of that name; UsageError with near names when there is none."""
    with told_in_one_line():
        return registry.find(name)


def spec_for(sample: Sample, name: str | None) -> ModelSpec:
    """The network named, else the one that fits the sample; UsageError when there is none."""
    if name is not None:
        return find_spec(name)
    from dashboard.analysis.analyze import choose_model  # with SciPy: `models` goes without

    with told_in_one_line():
        return choose_model(sample)


def find_device(name: str | None) -> str:
    """The torch name of the device asked for; UsageError when this machine lacks it."""
    with told_in_one_line():
        return str(device.choose(name))


def load_network(spec: ModelSpec, dim: int, device_name: str, weights: str | None = None):
    """The trained network for samples of `dim` axes, in eval mode.

    `weights` is a file to use instead of the registry's own; UsageError where there are none.
    """
    path = existing_file(weights, "--weights")
    with told_in_one_line():
        return registry.load(spec.name, device=device_name, weights=path, dim=dim)
