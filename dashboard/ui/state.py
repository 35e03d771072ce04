"""What a session remembers between reruns: its samples and the place being looked at."""

import os
import tempfile
from dataclasses import dataclass, fields, replace
from pathlib import Path

import streamlit as st

from dashboard.data import builtin
from dashboard.data.sample import Sample
from dashboard.data.store import Store, StoreFull, sweep

VIEW = "view"
UPLOADS = "uploads"
MESSAGE = "message"


@dataclass(frozen=True)
class View:
    """The place being looked at: everything a link to a colleague carries.

    `sample` is a built-in key or a digest; `position` is a sample index; `other` the second
    channel of the Gram pair; `lead` the channel of the sample that is fed; `scope` names the
    range colours are scaled over; `show` names the explorer's view, `method` and `answer` what
    its Why explains and how.
    """

    sample: str = "ecg"
    model: str = ""
    layer: str = ""
    channel: int = 0
    other: int = 1
    lead: int = -1
    position: tuple[float, ...] | None = None
    scope: str = "layer"
    show: str = "maps"
    method: str = ""
    answer: str = ""


@dataclass(frozen=True)
class Upload:
    """A sample this session loaded: its digest, the name to show and its kind."""

    digest: str
    name: str
    kind: str


@st.cache_resource(show_spinner=False)
def spool_folder() -> Path:
    """Where sessions keep decoded uploads; swept once per server start."""
    root = os.environ.get("CONVSCOPE_STATE", tempfile.gettempdir())
    folder = Path(root) / "convscope-spool"
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    return folder


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda store: store.close())
def store() -> Store:
    """This session's spool; its folder is removed when the session ends."""
    return Store(spool_folder())


@st.cache_resource(show_spinner=False)
def builtin_sample(key: str) -> Sample:
    """A built-in sample, made once per server."""
    return builtin.builtin(key)


def uploads() -> list[Upload]:
    """What this session has loaded, oldest first."""
    return st.session_state.setdefault(UPLOADS, [])


def add_upload(sample: Sample) -> str:
    """Spool a sample and make it the current one; raises StoreFull with a clear sentence."""
    digest = store().put(sample)
    known = [u for u in uploads() if u.digest != digest]
    st.session_state[UPLOADS] = [*known, Upload(digest, sample.name, sample.kind)]
    st.session_state[VIEW] = View(sample=digest)
    return digest


def sample(key: str) -> Sample:
    """The sample behind a built-in key or a digest of this session; raises KeyError otherwise."""
    if key in builtin_keys():
        return builtin_sample(key)
    if any(u.digest == key for u in uploads()):
        return store().get(key)
    raise KeyError(key)


def by_digest(digest: str) -> Sample:
    """The sample with this digest among this session's uploads and the built-ins made so far."""
    if any(u.digest == digest for u in uploads()):
        return store().get(digest)
    return next(s for s in map(builtin_sample, builtin_keys()) if s.digest == digest)


def builtin_keys() -> tuple[str, ...]:
    """Keys of the built-in samples, in menu order."""
    return tuple(row.key for row in builtin.BUILTIN)


def view() -> View:
    """The current view; on the first run of a session it comes from the query string."""
    if VIEW not in st.session_state:
        st.session_state[VIEW] = _from_query(dict(st.query_params))
    return st.session_state[VIEW]


def change(**changes: object) -> View:
    """Move the view; a new sample or model drops what only made sense for the old one."""
    current = view()
    if changes.get("sample", current.sample) != current.sample:
        current = View()
    elif changes.get("model", current.model) != current.model:
        kept = ("sample", "lead", "position", "show", "method")
        current = View(**{name: getattr(current, name) for name in kept})
    elif changes.get("layer", current.layer) != current.layer:
        current = replace(current, channel=0, other=1)
    st.session_state[VIEW] = replace(current, **changes)
    return st.session_state[VIEW]


def share(current: View) -> None:
    """Put the view into the address, so that it can be sent to a colleague."""
    wanted = {"sample": current.sample}
    for field in fields(View):
        value = getattr(current, field.name)
        if value != field.default and field.name != "sample":
            wanted[field.name] = _written(value)
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(f"{v:g}" for v in value)
    return str(value)


def _from_query(query: dict[str, str]) -> View:
    """A view from untrusted text: unknown names and unreadable numbers are left at the default."""
    chosen: dict[str, object] = {}
    for name in ("sample", "model", "layer", "scope", "show", "method", "answer"):
        if len(query.get(name, "")) in range(1, 100):
            chosen[name] = query[name]
    for name in ("channel", "other", "lead"):
        if query.get(name, "").isdigit():
            chosen[name] = min(int(query[name]), 10**6)
    try:
        places = tuple(float(v) for v in query.get("position", "").split(",")[:3] if v)
    except ValueError:
        places = ()
    if places and all(abs(v) < 1e12 for v in places):
        chosen["position"] = places
    return View(**chosen)


__all__ = [
    "MESSAGE",
    "StoreFull",
    "Upload",
    "View",
    "add_upload",
    "builtin_keys",
    "by_digest",
    "change",
    "sample",
    "share",
    "store",
    "uploads",
    "view",
]
