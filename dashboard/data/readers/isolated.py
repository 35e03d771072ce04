"""A parser written in C meets a file in a child process with bounded memory, time and output."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.data.readers.errors import DamagedFile, UnsafeFile

# Runs in the child before anything else. Without `resource` (Windows) only the time is bounded.
_LIMIT = """
import runpy, sys
memory, output, seconds = (int(a) for a in sys.argv[1:4])
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output, output))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except ImportError:
    pass
sys.argv = sys.argv[4:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class Limits:
    """What a child may use: `seconds` of time, bytes written, and bytes of address space."""

    seconds: int
    output_bytes: int
    memory_bytes: int = 1024**3


FAILED = (
    "The compressed signals could not be decoded within their bounds: the file is damaged, "
    "copy it again."
)


def run_isolated(
    script: Path, arguments: Sequence[str], data: bytes, limits: Limits, failed: str = FAILED
) -> bytes:
    """What `script` writes to standard output when given `data` on standard input.

    The child knows nothing of the server: no environment but the search path, no project on its
    module path. Raises UnsafeFile when time runs out, DamagedFile saying `failed` when it fails.
    """
    command = [sys.executable, "-I", "-c", _LIMIT]
    command += [str(n) for n in (limits.memory_bytes, limits.output_bytes + 1, limits.seconds)]
    command += [str(script), *arguments]
    environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    environment["OPENBLAS_NUM_THREADS"] = "1"  # each thread would reserve address space
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(
                command,
                input=data,
                stdout=output,
                stderr=subprocess.DEVNULL,
                timeout=limits.seconds,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise UnsafeFile(
                f"Decoding was stopped after {limits.seconds} s: the file is damaged or made to "
                "take forever."
            ) from error
        if done.returncode != 0:
            raise DamagedFile(failed)
        output.seek(0)
        return output.read(limits.output_bytes + 1)


def run_with_facts(
    script: Path, arguments: Sequence[str], data: bytes, limits: Limits, failed: str
) -> tuple[dict, memoryview]:
    """The JSON object on the first line that `script` writes, and the bytes after it.

    As `run_isolated`; more output than `limits` allow is a failure too.
    """
    output = run_isolated(script, arguments, data, limits, failed)
    end = output.find(b"\n")
    if end < 0 or len(output) > limits.output_bytes:
        raise DamagedFile(failed)
    return json.loads(output[:end]), memoryview(output)[end + 1 :]
