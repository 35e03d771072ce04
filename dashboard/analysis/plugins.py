"""Networks of one's own: a Python file that defines SPECS, added to the registry's session."""

import importlib.util
from pathlib import Path

from models import registry
from models.spec import ModelSpec

# What a file with a mistake in it raises while it is run.
FAILURES = (SyntaxError, ImportError, NameError, AttributeError, TypeError, ValueError)
FAILURES += (LookupError, ArithmeticError, RuntimeError, OSError)


class PluginError(ValueError):
    """The plugin file cannot be used; the message says why."""


def add_plugin(path: Path) -> tuple[ModelSpec, ...]:
    """Run a plugin file and add its SPECS to the registry; returns them.

    The file is code that its owner named on the command line: it is run as it is. Raises
    PluginError when it fails, defines no SPECS, or names a network that exists.
    """
    specs = _specs_of(path)
    for spec in specs:
        try:
            registry.add(spec)
        except ValueError as error:
            raise PluginError(f"plugin {path.name}: {error}") from error
    return specs


def _specs_of(path: Path) -> tuple[ModelSpec, ...]:
    location = importlib.util.spec_from_file_location(f"convscope_plugin_{path.stem}", path)
    if location is None or location.loader is None:
        raise PluginError(f"got plugin {path.name}, expected a Python file ending in .py")
    module = importlib.util.module_from_spec(location)
    try:
        location.loader.exec_module(module)
    except FAILURES as error:
        raise PluginError(f"plugin {path.name} failed: {type(error).__name__}: {error}") from error
    specs = tuple(getattr(module, "SPECS", ()))
    if not specs or not all(isinstance(spec, ModelSpec) for spec in specs):
        raise PluginError(f"plugin {path.name}: expected SPECS, a tuple of ModelSpec")
    return specs
