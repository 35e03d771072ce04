"""Networks asked for on the command line: found, loaded, and wrong names said in one line.

Importing this module imports torch (through `models`), so verbs import it when they need it.
"""

from pathlib import Path

from dashboard.commands.usage import UsageError
from models import device, registry
from models.spec import ModelSpec


def find_spec(name: str) -> ModelSpec:
    """The registry's network of that name; UsageError with near names when there is none."""
    try:
        return registry.find(name)
    except registry.UnknownModel as error:
        raise UsageError(error.args[0]) from error


def find_device(name: str | None) -> str:
    """The torch name of the device asked for; UsageError when this machine lacks it."""
    try:
        return str(device.choose(name))
    except ValueError as error:
        raise UsageError(str(error)) from error


def load_network(spec: ModelSpec, dim: int, device_name: str, weights: str | None = None):
    """The trained network for samples of `dim` axes, in eval mode.

    `weights` is a file to use instead of the registry's own; UsageError where there are none.
    """
    if dim not in spec.dims:
        raise UsageError(f"got a sample of {dim} axes, {spec.name} takes {spec.dims}")
    path = Path(weights) if weights else None
    if path is not None and not path.is_file():
        raise UsageError(f"got --weights {weights}, expected an existing file: check the path")
    try:
        return registry.load(spec.name, device=device_name, weights=path, dim=dim)
    except (ValueError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error
