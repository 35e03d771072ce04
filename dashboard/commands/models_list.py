"""`models`: the networks of the registry, as a table or as JSON."""

import argparse
import json
from typing import Any

from dashboard.commands import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[--plugin FILE] [--json]."""
    options.add_plugin(parser)
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the registry."""
    from dashboard.analysis.catalogue import catalogue
    from dashboard.commands import networks

    networks.use_plugin(arguments.plugin)
    entries = catalogue()
    print(json.dumps(entries) if arguments.json else _table(entries))
    return 0


def _table(entries: list[dict[str, Any]]) -> str:
    width = max((len(entry["name"]) for entry in entries), default=0)
    head = f"{'name':<{width}}  {'task':<14}  {'weights':<8}  parameters by number of axes"
    return "\n".join([head, *(_row(entry, width) for entry in entries)])


def _row(entry: dict[str, Any], width: int) -> str:
    counts = ", ".join(f"{dim}: {count:,}" for dim, count in entry["parameters"].items())
    return f"{entry['name']:<{width}}  {entry['task']:<14}  {_trained(entry):<8}  {counts}"


def _trained(entry: dict[str, Any]) -> str:
    if entry["weights"]["shipped"]:
        return "shipped"
    return "official" if entry["weights"]["url"] else "none"
