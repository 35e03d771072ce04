"""Records of PhysioNet: what is asked of a server, under which limits, and what can go wrong."""

import http.server
import socket
import threading
import time

import numpy as np
import pytest

from dashboard.commands import options
from dashboard.data import physionet
from dashboard.data.readers import UnreadableFile, UnsafeFile, open_files

WAVE = np.random.default_rng(1).integers(-500, 500, (200, 2)).astype("<i2")
HEADER = b"100 2 360 200\n100.dat 16 200/mV 12 0 0 0 0 MLII\n100.dat 16 200/mV 12 0 0 0 0 V5\n"
MARKS = bytes.fromhex("0a0414080000")  # N at 10, V 20 later, end
PLACES = {
    "/content/mitdb/": b"<p>Version:\n 1.0.0</p> <strong>Version: 1.0.0</strong>",
    "/files/mitdb/1.0.0/100.hea": HEADER,
    "/files/mitdb/1.0.0/100.dat": WAVE.tobytes(),
    "/files/mitdb/1.0.0/100.atr": MARKS,
    "/files/mitdb/1.0.0/100.xyz": MARKS,
    "/files/mitdb/1.0.0/ANNOTATORS": b"atr\treference\nxyz\tother\n../../x\tevil\n",
    "/files/many/1.0/deep/er/m.hea": b"m/3 2 360 500\nm_layout 0\n~ 300\n100 200\n",
    "/files/many/1.0/deep/er/m_layout.hea": b"m_layout 2 360 0\n~ 0 1/mV 0 0 0 0 0 V5\n"
    b"~ 0 1/mV 0 0 0 0 0 MLII\n",
    "/files/many/1.0/deep/er/100.hea": HEADER,
    "/files/many/1.0/deep/er/100.dat": WAVE.tobytes(),
    "/files/short/1.0/100.hea": HEADER,
    "/files/evil/1.0/e.hea": HEADER.replace(b"100.dat", b"../../secret"),
}
CODES = {"/content/closed/": 403, "/content/broken/": 500}
MOVED = {"/content/away/": "http://127.0.0.1:9/x", "/content/moved/": "/content/mitdb/"}


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/content/slow/":
            time.sleep(2.0)
            return
        body = PLACES.get(self.path, b"")
        code = CODES.get(self.path, 302 if self.path in MOVED else 200 if body else 404)
        self.send_response(code)
        if code == 302:
            self.send_header("Location", MOVED[self.path])
        missing = 50 if self.path.startswith("/files/short/") else 0
        self.send_header("Content-Length", str(len(body) + missing))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing: the tests' output stays readable."""


@pytest.fixture
def asked(monkeypatch):
    """A local stand-in for the server; the paths it was asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setattr(physionet, "SERVER", f"http://127.0.0.1:{server.server_port}")
    yield server.asked
    server.shutdown()
    server.server_close()


def _refused(reference: str) -> str:
    with pytest.raises(UnreadableFile) as caught:
        physionet.fetch_record(reference)
    assert 0 < len(str(caught.value)) <= 400
    return str(caught.value)


@pytest.mark.parametrize("reference", ["physionet:mitdb/100", "mitdb/100.hea", " mitdb/1.0.0/100"])
def test_a_record_comes_with_its_signals_and_annotations(asked, reference):
    files = physionet.fetch_record(reference)
    assert [name for name, _ in files] == ["100.hea", "100.dat", "100.atr", "100.xyz"]
    sample = open_files(files)
    np.testing.assert_allclose(sample.array, WAVE.T / 200, rtol=1e-6)
    assert [marks.name for marks in sample.annotations] == ["atr", "xyz"]
    assert ("/content/mitdb/" in asked) == ("1.0.0" not in reference)


def test_a_record_of_variable_layout_comes_with_all_its_segments(asked):
    sample = open_files(physionet.fetch_record("many/1.0/deep/er/m"))
    assert (sample.name, sample.shape) == ("m", (500,))
    assert np.isnan(sample.array[:, :300]).all()
    row = sample.channels.index("MLII")
    np.testing.assert_allclose(sample.array[row, 300:], WAVE[:, 0] / 200, rtol=1e-6)


def test_references_among_files_are_replaced_and_nothing_else_is(asked):
    given = ["physionet:mitdb/100", ("physionet:mitdb/100", b"an upload of this name")]
    expanded = physionet.expand(given)
    assert expanded[-1] == given[1]
    assert expanded[0][0] == "100.hea"
    assert options.PHYSIONET == physionet.PREFIX


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "mitdb",
        "mitdb/",
        "mitdb//100",
        "../mitdb/100",
        "mitdb/../100",
        "mitdb/..",
        "mitdb/1.0.0/../../x",
        "mitdb/100?x=1",
        "mitdb/100#x",
        "mitdb/a b",
        "mitdb/%2e%2e/x",
        "MITDB\n/100",
        "//example.org/x",
        "http://example.org/x",
        "user@example.org/x",
        "mitdb\\100",
        "mitdb/" + "x" * 100,
        "mitdb/" + "a/" * 12 + "x",
        "mitdb/100é",
    ],
)
def test_only_plain_names_are_asked_for(asked, reference):
    with pytest.raises(UnsafeFile, match="names no record of PhysioNet"):
        physionet.fetch_record(f"physionet:{reference}")
    assert asked == []


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("mitdb/999", "has no record '999' in mitdb/1.0.0"),
        ("nothing/1", "has no database 'nothing'"),
        ("closed/1", "only to registered people"),
        ("broken/1", "answered with error 500"),
        ("away/1", "sent the request on to another server"),
        ("moved/1", "has no record '1' in moved/1.0.0"),
        ("short/1.0/100", "cannot be reached"),
        ("evil/1.0/e", "refers to '../../secret'"),
    ],
)
def test_what_the_server_cannot_give_says_why(asked, reference, expected):
    assert expected in _refused(reference)
    assert not any("secret" in path for path in asked)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ({"bytes_left": 300}, "larger than the"),
        ({"files_left": 3}, "files, more than are fetched"),
        ({"deadline": 0.0}, "did not deliver the record within"),
    ],
)
def test_a_record_over_a_limit_is_refused(asked, monkeypatch, limit, expected):
    session = physionet._Session
    monkeypatch.setattr(physionet, "_Session", lambda: session(**limit))
    assert expected in _refused("many/1.0/deep/er/m")


def test_a_server_that_does_not_answer_is_given_up(asked, monkeypatch):
    monkeypatch.setattr(physionet, "ANSWER_SECONDS", 0.2)
    started = time.monotonic()
    assert "cannot be reached" in _refused("slow/1")
    assert time.monotonic() - started < 1.8


def test_without_a_connection_the_sentence_says_what_to_do(monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setattr(physionet, "SERVER", f"http://127.0.0.1:{port}")
    message = _refused("mitdb/100")
    assert "PhysioNet cannot be reached" in message
    assert "give its files here" in message
