"""Options that several verbs share: files, choices, network, device, plugin."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from dashboard.commands.usage import UsageError
from dashboard.data.sample import Sample

BEAT_FINDERS = ("ecg-beats", "ecg-unet")  # known here by name: their specs would load torch
PHYSIONET = "physionet:"  # as in data/physionet.py, which is imported only when files are read


def add_files(parser: argparse.ArgumentParser) -> None:
    """FILE... and how to answer what the files leave open."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="files of one sample, a folder or a zip; or physionet:DATABASE/RECORD",
    )
    parser.add_argument(
        "--choose",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="answer a question about the files: rate_hz, unit, lead, series, frame, record, kind; "
        "of volumes also spacing (0.7,0.7,2 mm), axis, part, channel",
    )


def add_lead(parser: argparse.ArgumentParser) -> None:
    """--lead NAME."""
    parser.add_argument(
        "--lead", metavar="NAME", help="the channel to use (default: MLII or II, else the first)"
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """--device D."""
    parser.add_argument(
        "--device", metavar="D", help="auto, cpu, cuda, cuda:1 or mps (default: CONVSCOPE_DEVICE)"
    )


def add_plugin(parser: argparse.ArgumentParser) -> None:
    """--plugin FILE."""
    parser.add_argument(
        "--plugin", metavar="FILE", help="a Python file of your own that defines SPECS; it is run"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")


def of_ecg_alone(arguments: argparse.Namespace, option: str) -> dict[str, Any]:
    """The keyword for an option only recipes of BEAT_FINDERS take; UsageError for others."""
    value = getattr(arguments, option)
    if not value:
        return {}
    if arguments.model not in BEAT_FINDERS:
        names = " or ".join(BEAT_FINDERS)
        raise UsageError(f"got --{option} with {arguments.model}, expected it with {names} only")
    return {option: value}


def check_whole(arguments: argparse.Namespace) -> None:
    """UsageError for --fast without --whole, or --whole without a folder for its maps."""
    if arguments.fast and not arguments.whole:
        raise UsageError("got --fast alone, expected it together with --whole")
    if arguments.whole and not arguments.out:
        raise UsageError("got --whole without a folder, expected --out DIR for its NIfTI files")


@dataclass(frozen=True)
class Opened:
    """A sample read from files and the seconds that took."""

    sample: Sample
    seconds: float


def open_sample(files: Sequence[str], choices: Sequence[str]) -> Opened:
    """Read the files named on the command line as one sample.

    Raises UsageError for a missing or unreadable file and for an open question.
    """
    check_exist(files)
    # Half a second of file libraries, which only the verbs that read files should pay for.
    from dashboard.data import physionet
    from dashboard.data.readers import ChoiceNeeded, UnreadableFile, open_files

    started = perf_counter()
    try:
        sample = open_files(physionet.expand(files), parse_choices(choices))
    except ChoiceNeeded as question:
        answer = f"Answer with --choose {question.key}=VALUE"
        raise UsageError(f"{question} {answer}") from question
    except UnreadableFile as error:
        raise UsageError(str(error)) from error
    return Opened(sample, perf_counter() - started)


def check_exist(files: Sequence[str]) -> None:
    """UsageError for the first of the files and folders that does not exist.

    A record of PhysioNet ("physionet:mitdb/100") is no file.
    """
    local = [name for name in files if not name.startswith(PHYSIONET)]
    missing = next((name for name in local if not Path(name).exists()), None)
    if missing is not None:
        raise UsageError(f"got {missing}, expected an existing file or folder: check the path")


def parse_choices(pairs: Sequence[str]) -> dict[str, str]:
    """["rate_hz=250"] to {"rate_hz": "250"}; raises UsageError for a pair without '='."""
    choices = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals and value):
            raise UsageError(f"got --choose {pair}, expected KEY=VALUE such as rate_hz=250")
        choices[key] = value
    return choices


def find_lead(sample: Sample, name: str | None) -> int | None:
    """The channel of that name (case does not matter), None for none; UsageError when absent."""
    if name is None:
        return None
    names = [channel.upper() for channel in sample.channels]
    if name.upper() not in names:
        raise UsageError(
            f"got --lead {name}, expected one of the channels {', '.join(sample.channels)}"
        )
    return names.index(name.upper())


def existing_file(name: str | None, option: str) -> Path | None:
    """The file given to an option, None for none; UsageError when it does not exist."""
    if name is None:
        return None
    if not Path(name).is_file():
        raise UsageError(f"got {option} {name}, expected an existing file: check the path")
    return Path(name)


def existing_folder(name: str, option: str) -> Path:
    """The folder given to an option; UsageError when there is none."""
    folder = Path(name)
    if not folder.is_dir():
        raise UsageError(f"got {option} {name}, expected an existing folder: check the path")
    return folder
