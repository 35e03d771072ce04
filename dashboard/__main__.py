"""The command line: `python -m dashboard [VERB] ...`; without a verb the app starts."""

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.commands.usage import LineParser, UsageError


@dataclass(frozen=True)
class Verb:
    """One verb: the module that has `add_arguments(parser)` and `run(arguments)`, and its help."""

    name: str
    module: str
    help: str


VERBS = (
    Verb("app", "open_app", "start the app in the browser (the default)"),
    Verb("open", "open_files_in_app", "start the app with these files already loaded"),
    Verb("models", "models_list", "list the networks of the registry"),
    Verb("analyze", "analyze_sample", "run a network on a signal, image or volume"),
    Verb("trace", "trace_layers", "write the activations of a network's layers as NPZ"),
    Verb("evaluate", "evaluate_model", "measure a network on a data set"),
    Verb("train", "train_model", "train a network on a data set"),
    Verb("bench", "run_benchmarks", "time the parts that must be fast"),
)

INTERRUPTED = 130  # what shells report for a program stopped by Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status: 0, or 2 with one line on stderr."""
    words = list(sys.argv[1:] if argv is None else argv)
    # Before torch loads: threads that wait sleep. By default they spin, and where other programs
    # want the same cores a pass then takes 40 times as long (7 s instead of 0.15 s).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        if words and words[0] in ("-h", "--help"):
            print(_overview())
            return 0
        named = bool(words) and not words[0].startswith("-")
        verb = _find(words.pop(0)) if named else VERBS[0]
        return _run(verb, words)
    except UsageError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read the output has seen enough: `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED


def _find(word: str) -> Verb:
    by_name = {verb.name: verb for verb in VERBS}
    if word in by_name:
        return by_name[word]
    if Path(word).exists():
        raise UsageError(f"got the file {word}, expected a verb: try `open {word}` or `analyze`")
    near = difflib.get_close_matches(word, by_name, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "see --help"
    raise UsageError(f"got '{word}', expected one of {', '.join(by_name)}: {hint}")


def _run(verb: Verb, words: list[str]) -> int:
    # Only the verb's own module is imported: --help and wrong usage stay quick.
    module = importlib.import_module(f"dashboard.commands.{verb.module}")
    program = f"python -m dashboard {verb.name}"
    parser = LineParser(prog=program, description=verb.help)
    module.add_arguments(parser)
    return module.run(parser.parse_args(words))


def _overview() -> str:
    rows = "\n".join(f"  {verb.name:<10} {verb.help}" for verb in VERBS)
    parser = argparse.ArgumentParser(
        prog="python -m dashboard",
        usage="python -m dashboard [VERB] ...   (VERB --help explains one)",
        description="ConvScope: see inside 1D, 2D and 3D convolutional networks.",
        epilog=f"verbs:\n{rows}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    return parser.format_help().rstrip()


if __name__ == "__main__":
    sys.exit(main())
