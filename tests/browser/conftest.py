"""A running app and a real Chromium at two widths, for tests that use the pages as people do."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
START_SECONDS = 60

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
    "user_agent": "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36",
}
WIDTHS = {"desktop": DESKTOP, "phone": PHONE}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_healthy(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"the app did not start within {START_SECONDS} s: {log.read_text()[-2000:]}")


@contextmanager
def _running_app(folder: Path) -> Iterator[str]:
    """`python -m dashboard` on a free port, its state and its log in `folder`."""
    port, log = _free_port(), folder / "app.log"
    command = [sys.executable, "-m", "dashboard", "--host", "127.0.0.1", "--port", str(port)]
    settings = {"CONVSCOPE_STATE": str(folder / "state"), "STREAMLIT_SERVER_HEADLESS": "true"}
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **settings}, stdout=output, stderr=output
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_healthy(url, process, log)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    assert "Traceback" not in log.read_text(), f"the server logged: {log.read_text()[-4000:]}"


@pytest.fixture(scope="session")
def app_url(tmp_path_factory) -> Iterator[str]:
    """Address of the running app; its log must stay free of tracebacks."""
    with _running_app(tmp_path_factory.mktemp("app")) as url:
        yield url


@pytest.fixture
def new_app_url(tmp_path) -> Iterator[str]:
    """Address of an app that has just started, its networks not yet loaded."""
    with _running_app(tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def contexts(chromium) -> Iterator[dict]:
    """One browser context per width: scripts of the app are fetched and compiled once."""
    made = {width: chromium.new_context(**settings) for width, settings in WIDTHS.items()}
    yield made
    for context in made.values():
        context.close()


@contextmanager
def _watched_page(context, app_url: str) -> Iterator:
    """A page, a session of its own, that fails the test for what no page of the app may do."""
    from tests.browser.visit import faults

    page = context.new_page()
    page.set_default_timeout(20_000)
    asked, errors = set(), []
    page.on("request", lambda request: asked.add(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    outside = [u for u in asked if urlsplit(u).hostname not in (None, urlsplit(app_url).hostname)]
    found = faults(page) if page.url.startswith(app_url) else []
    page.close()
    assert found == []
    assert outside == [], "the page asked another host"
    assert errors == [], "a script of the page failed"


@pytest.fixture
def page_desktop(contexts, app_url) -> Iterator:
    """A page of 1440 x 900."""
    with _watched_page(contexts["desktop"], app_url) as page:
        yield page


@pytest.fixture
def page_phone(contexts, app_url) -> Iterator:
    """A page of 390 x 844 at 2x, with touch and a phone's user agent."""
    with _watched_page(contexts["phone"], app_url) as page:
        yield page


@pytest.fixture(params=list(WIDTHS))
def page(request, contexts, app_url) -> Iterator:
    """A page at each width in turn."""
    with _watched_page(contexts[request.param], app_url) as page:
        yield page


@pytest.fixture
def page_new_app(contexts, new_app_url) -> Iterator:
    """A page for the app that has just started."""
    with _watched_page(contexts["desktop"], new_app_url) as page:
        yield page


@pytest.fixture
def second_page(chromium, app_url) -> Iterator:
    """Another person's page: a browser and a session of its own."""
    context = chromium.new_context(**DESKTOP)
    with _watched_page(context, app_url) as page:
        yield page
    context.close()
