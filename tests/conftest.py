"""What every test may ask for: the real data sets, official weights, and one thread per library."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Tests share few cores with the browser and the server they start; set before any import of torch.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")


def _folder(variable: str, default: Path, what: str) -> Path:
    """The folder named by an environment variable; skips the test where it does not exist."""
    folder = Path(os.environ.get(variable, default)).resolve()
    if not folder.is_dir():
        pytest.skip(f"no {what} at {folder} (set {variable})")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real data sets; the test is skipped where there is none."""
    return _folder("CONVSCOPE_DATA", ROOT.parent / "shared" / "data", "real data sets")


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """Folder of official checkpoints; the test is skipped where there is none."""
    return _folder("CONVSCOPE_WEIGHTS", ROOT.parent / "shared" / "weights", "official checkpoints")
