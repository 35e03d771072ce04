"""How scans are looked at in this session: remembered over pages and samples, in no link."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import streamlit as st

SETTINGS = "scan-settings"  # session key


@dataclass(frozen=True)
class Settings:
    """`windows` by digest: the name of a preset, or (low, high) in the sample's unit.

    `slab` in mm with its `projection`, 0 for one slice; `overlay` a digest, a built-in key,
    "answer" (the network's own), "" for nothing; `threshold` in the overlay's unit, None for its
    default; `radius` of the region in mm, 0 for none.
    """

    convention: str = "neurological"
    windows: Mapping[str, str | tuple[float, float]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    slab: float = 0.0
    projection: str = "maximum"
    exact: bool = False
    overlay: str = "answer"
    threshold: float | None = None
    opacity: float = 0.6
    region: str = "sphere"
    radius: float = 0.0

    def window(self, digest: str) -> str | tuple[float, float]:
        """The window chosen for a sample; "" for the default of its kind."""
        return self.windows.get(digest, "")


def settings() -> Settings:
    """The settings of this session."""
    return st.session_state.setdefault(SETTINGS, Settings())


def change(**changes: object) -> Settings:
    """Change some settings; a new overlay starts with its own threshold."""
    if changes.get("overlay", settings().overlay) != settings().overlay:
        changes = {"threshold": None, **changes}
    st.session_state[SETTINGS] = replace(settings(), **changes)
    return st.session_state[SETTINGS]


def choose_window(digest: str, window: str | tuple[float, float]) -> None:
    """The window of one sample, by name or as (low, high)."""
    change(windows=MappingProxyType({**settings().windows, digest: window}))
