"""What every test may ask for: real data, official weights, a browser; one thread per library."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Tests share few cores with the browser and the server they start; set before any import of torch.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

# Chromium starts with nothing but the page in mind: no updates, no sync, and no host but ours.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


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


def _cannot(reason: str) -> None:
    """Skip with a reason, or fail where the machine is expected to have a browser."""
    if os.environ.get("CONVSCOPE_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(f"{reason}: browser tests skipped")


@pytest.fixture(scope="session")
def chromium():
    """The browser that all tests share; each test gets a context of its own."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        _cannot("no chromium on this machine (apt install chromium)")
    with sync_api.sync_playwright() as player:
        try:
            browser = player.chromium.launch(executable_path=program, args=FLAGS)
        except sync_api.Error as error:
            _cannot(f"{program} does not start ({str(error).splitlines()[0]})")
        yield browser
        browser.close()
