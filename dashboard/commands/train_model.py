"""`train MODEL --data DIR --out FILE.safetensors`: train a network and write its card."""

import argparse
import sys
from pathlib import Path

from dashboard.commands import options
from dashboard.commands.progress import follow
from dashboard.commands.usage import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL --data DIR --out FILE.safetensors [--epochs N] [--seed N] [--resume] [--folds N] ..."""
    parser.add_argument("model", metavar="MODEL", help="a network of `models` with a recipe")
    parser.add_argument("--data", required=True, metavar="DIR", help="the data set's folder")
    parser.add_argument(
        "--out", required=True, metavar="FILE.safetensors", help="where the weights go"
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="default: what the card was made by"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--folds", type=int, metavar="N", help="ECG: cross-validate over whole records first"
    )
    options.add_device(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train; prints where the weights and the card are."""
    data = options.existing_folder(arguments.data, "--data")
    out = _weights_file(arguments.out)
    extra = options.of_ecg_alone(arguments, "folds")
    if arguments.epochs is not None and arguments.epochs < 1:
        raise UsageError(f"got --epochs {arguments.epochs}, expected 1 or more")
    # torch loads only now: wrong usage is answered at once
    from dashboard.commands import networks
    from dashboard.commands.recipe_choice import find_recipe

    recipe = find_recipe(arguments.model)
    device = networks.find_device(arguments.device)
    try:
        with networks.told_in_one_line():
            steps = recipe.train(
                data,
                out,
                epochs=arguments.epochs,
                seed=arguments.seed,
                device=device,
                resume=arguments.resume,
                **extra,
            )
            follow(steps)
    except KeyboardInterrupt:
        print("\nthe last finished epoch, if any, is kept: go on with --resume", file=sys.stderr)
        raise
    print(f"wrote {out} and {out.with_suffix('.json')}")
    return 0


def _weights_file(name: str) -> Path:
    """The file to write; UsageError for another suffix or a missing folder."""
    out = Path(name)
    if out.suffix != ".safetensors":
        raise UsageError(f"got --out {name}, expected a file name that ends in .safetensors")
    if not out.parent.is_dir():
        raise UsageError(f"got --out {name}, expected an existing folder {out.parent}: make it")
    return out
