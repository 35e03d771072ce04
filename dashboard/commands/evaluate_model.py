"""`evaluate MODEL --data DIR`: measure a network on a data set."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dashboard.commands import options
from dashboard.commands.progress import follow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL --data DIR [--split NAME] [--weights FILE] [--device D] [--predictions DIR] ..."""
    parser.add_argument("model", metavar="MODEL", help="a network of `models` with a recipe")
    parser.add_argument("--data", required=True, metavar="DIR", help="the data set's folder")
    parser.add_argument(
        "--split", metavar="NAME", help="default: test where there is one, else everything"
    )
    parser.add_argument(
        "--weights", metavar="FILE", help="weights to measure (default: the shipped ones)"
    )
    parser.add_argument("--predictions", metavar="DIR", help="also write what was scored here")
    parser.add_argument(
        "--paced", action="store_true", help="ECG: also score the paced records 102 104 107 217"
    )
    options.add_device(parser)
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate; the document of interfaces on stdout, or its numbers as lines."""
    data = options.existing_folder(arguments.data, "--data")
    weights = options.existing_file(arguments.weights, "--weights")
    extra = options.of_ecg_alone(arguments, "paced")
    # torch loads only now: wrong usage is answered at once
    from dashboard.commands import networks
    from dashboard.commands.recipe_choice import find_recipe

    recipe = find_recipe(arguments.model)
    device = networks.find_device(arguments.device)
    steps = recipe.evaluate(
        data,
        split=arguments.split,
        weights=weights,
        device=device,
        predictions=Path(arguments.predictions) if arguments.predictions else None,
        **extra,
    )
    with networks.told_in_one_line():
        last = follow(steps)
    evaluation = last.values["evaluation"]
    print(json.dumps(evaluation) if arguments.json else "\n".join(_lines(evaluation)))
    return 0


def _lines(evaluation: Mapping[str, Any], indent: str = "") -> list[str]:
    """Nested numbers as indented lines; records, which are many, are counted only."""
    lines = []
    for name, value in evaluation.items():
        if name == "records" and isinstance(value, Mapping):
            lines.append(f"{indent}records: {len(value)} (listed by --json)")
        elif isinstance(value, Mapping):
            lines.append(f"{indent}{name}:")
            lines.extend(_lines(value, indent + "  "))
        else:
            shown = f"{value:.4f}" if isinstance(value, float) else value
            lines.append(f"{indent}{name}: {shown}")
    return lines
