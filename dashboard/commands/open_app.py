"""`app`, the default verb: start the app in the browser."""

import argparse
import importlib.util
import os
import runpy
import socket
import sys
from pathlib import Path

from dashboard.commands import options
from dashboard.commands.usage import UsageError

APP = Path(__file__).parents[1] / "app.py"
PORT = 8501
TRIES = 50  # ports looked at when the first is busy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[--port N] [--host ADDRESS] [--device D] [--plugin FILE]."""
    parser.add_argument(
        "--port", type=int, default=PORT, metavar="N", help=f"default: {PORT}, or the next free one"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="default: 127.0.0.1, reachable from this machine only",
    )
    options.add_device(parser)
    options.add_plugin(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve the app until it is stopped."""
    if importlib.util.find_spec("streamlit") is None:
        raise UsageError("Streamlit is not installed: run `pip install -r requirements.txt`")
    if arguments.device:
        os.environ["CONVSCOPE_DEVICE"] = arguments.device
    if arguments.plugin:
        # The server runs in this process: what is added to the registry here, it has.
        from dashboard.commands import networks

        networks.use_plugin(arguments.plugin)
    port = free_port(arguments.host, arguments.port)
    if port != arguments.port:
        print(f"port {arguments.port} is busy, using {port}", file=sys.stderr)
    if arguments.host not in ("127.0.0.1", "localhost", "::1"):
        print(f"{arguments.host}: whoever reaches this address can use the app", file=sys.stderr)
    _serve(arguments.host, port)
    return 0


def free_port(host: str, first: int) -> int:
    """The first port from `first` on that nothing listens on; UsageError when none is free."""
    if not 0 < first < 65536:
        raise UsageError(f"got --port {first}, expected a number from 1 to 65535")
    last = min(first + TRIES, 65536)
    for port in range(first, last):
        if _is_free(host, port):
            return port
    raise UsageError(f"got --port {first}, no port up to {last - 1} is free: name another")


def _is_free(host: str, port: int) -> bool:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise UsageError(f"got --host {host}, expected an address of this machine") from error
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # as the server does: a port in TIME_WAIT counts as free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError:
            return False
    return True


def _serve(host: str, port: int) -> None:
    """Run Streamlit in this process, as `python -m streamlit run` would."""
    sys.argv = ["streamlit", "run", str(APP)]
    sys.argv += ["--server.address", host, "--server.port", str(port)]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
