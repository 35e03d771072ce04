"""Which values of a scan show as black and white: the usual windows, by kind of scan."""

from dataclasses import dataclass

# Centre and width in HU, as "Windowing (CT)" of Radiopaedia (Murphy, Baba et al.,
# doi:10.53347/rID-52108) lists them; institutions and vendors differ a little.
CT_WINDOWS: tuple[tuple[str, float, float], ...] = (
    ("soft tissue", 40, 400),
    ("brain", 40, 80),
    ("stroke", 32, 8),
    ("lung", -600, 1500),
    ("mediastinum", 50, 350),
    ("abdomen", 50, 400),
    ("liver", 30, 150),
    ("bone", 400, 1800),
)
MR_PERCENTILES: tuple[tuple[float, float], ...] = ((0.5, 99.5), (2, 98), (10, 99.9))
FULL = "full range"


@dataclass(frozen=True)
class Preset:
    """A named window: a fixed one (`low`, `high` in units), or `percentiles` of the values."""

    name: str
    low: float = 0.0
    high: float = 0.0
    percentiles: tuple[float, float] | None = None


def from_centre(centre: float, width: float) -> tuple[float, float]:
    """Low and high of a window given as radiologists do, by its centre and its width."""
    return centre - width / 2, centre + width / 2


def presets(modality: str) -> tuple[Preset, ...]:
    """The windows offered for a scan, the default first.

    CT: soft tissue, because it shows something of every region; MR, whose values have no unit:
    percentiles of the values; masks and other volumes: their full range.
    """
    full = Preset(FULL, percentiles=(0, 100))
    if modality == "ct":
        return (*(Preset(name, *from_centre(c, w)) for name, c, w in CT_WINDOWS), full)
    shares = tuple(
        Preset(f"{low:g}–{high:g} %", percentiles=(low, high)) for low, high in MR_PERCENTILES
    )
    return (*shares, full) if modality == "mr" else (full, *shares)
