"""What a card of the home page holds once its network has run: a record without torch."""

from dataclasses import dataclass

from dashboard.ui.components.tiles import Mark
from dashboard.ui.state import View

SECONDS = 3.2  # of the ECG on its card


@dataclass(frozen=True)
class Glimpse:
    """What a network says and does on a card's sample: answer, pictures and the view to open."""

    answer: str
    model: str
    layers: tuple[bytes, ...]
    marks: tuple[Mark, ...]
    atlas: bytes
    gram: bytes
    channels: int
    view: View
