"""`open FILE...`: start the app with these files already loaded."""

import argparse
import json
import os
from pathlib import Path

from dashboard.commands import open_app, options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE... and what `app` takes."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="files of one sample, a folder or a zip"
    )
    open_app.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Hand the files' full paths to the app and start it."""
    options.check_exist(arguments.files)
    paths = [
        name if name.startswith(options.PHYSIONET) else str(Path(name).resolve())
        for name in arguments.files
    ]
    os.environ["CONVSCOPE_OPEN"] = json.dumps(paths)
    return open_app.run(arguments)
