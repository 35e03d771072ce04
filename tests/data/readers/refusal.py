"""How the tests of bad XML look at a refusal."""

import time

import pytest

from dashboard.data.readers import UnreadableFile, open_files
from tests.data.readers.xml_samples import SECRETS

SECONDS = 10  # all take under one; what grows with the square of the file takes minutes


def label(value: object) -> str:
    """What a case is called: its short texts, not the bytes of a file."""
    return value if isinstance(value, str) and len(value) < 80 else ""


def refused(
    kind: type[UnreadableFile], data: bytes, choices: dict | None = None, name: str = "x.xml"
) -> str:
    """The sentence with which `data` is refused, checked for its form; within seconds."""
    started = time.perf_counter()
    with pytest.raises(UnreadableFile) as caught:
        open_files([(name, data)], choices)
    message = str(caught.value)
    assert time.perf_counter() - started < SECONDS
    assert type(caught.value) is kind, message
    assert len(message) <= 400
    assert not [secret for secret in SECRETS if secret in message]
    return message
