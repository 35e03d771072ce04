"""Numbers of a region around the crosshair, and of the labels of an overlay."""

import csv
import io
import math

import pandas as pd
import streamlit as st

from dashboard.analysis.regions import MOST_RADIUS, SHAPES, Region
from dashboard.ui import panels
from dashboard.ui.scan import plane_cache, settings
from dashboard.ui.scan.overlay_choice import ANSWER
from dashboard.ui.scan.place import Place
from dashboard.ui.scan.readout import with_unit
from dashboard.ui.words import thousands

COLUMNS = ("voxels", "volume_mm3", "mean", "std", "min", "max")


def show_region(place: Place) -> None:
    """Mean, spread, extremes and volume inside a sphere or box around the crosshair."""
    chosen = place.settings

    def keep(name: str) -> None:
        settings.change(**{name: st.session_state[f"scan-{name}"]})

    st.slider(
        "Region, radius (mm)",
        0.0,
        MOST_RADIUS,
        chosen.radius,
        0.5,
        key="scan-radius",
        format="%g",
        on_change=keep,
        args=("radius",),
        help="0: none. Else the voxels whose centres lie this close to the crosshair.",
    )
    if not chosen.radius:
        return
    st.segmented_control(
        "Shape",
        SHAPES,
        default=chosen.region,
        required=True,
        key="scan-region",
        on_change=keep,
        args=("region",),
        label_visibility="collapsed",
    )
    numbers = region_of(place)
    if not numbers.count:
        st.markdown(":gray[no values inside]")
        return
    st.markdown(
        f":gray[mean] `{with_unit(numbers.mean, '')}` "
        f":gray[±] `{with_unit(numbers.std, place.unit)}`"
        f"  \n:gray[from] `{with_unit(numbers.low, '')}` :gray[to] `{with_unit(numbers.high, '')}`"
        f"  \n:gray[{thousands(numbers.count)} voxels, {millilitres(numbers.volume)}]"
    )
    files = (panels.Download("CSV", "region.csv", "text/csv", lambda: region_csv(place)),)
    panels.caption(f"{chosen.region}, radius {chosen.radius:g} mm", "region", files)


def region_of(place: Place) -> Region:
    """The numbers of the region around the crosshair."""
    chosen = place.settings
    return plane_cache.region_at(place.sample.digest, place.position, chosen.radius, chosen.region)


def show_labels(place: Place) -> None:
    """Mean and spread of the scan under each label of the overlay, on request."""
    overlay = place.overlay
    if overlay is None or not overlay.labels or overlay.key.startswith(ANSWER):
        return
    if not st.toggle("Numbers per label", key=f"scan-labels-{overlay.key[:8]}"):
        return
    found = plane_cache.labelled(place.sample.digest, overlay.key)
    rows = [
        {
            "label": overlay.name(label),
            "ml": round(one.volume / 1000, 3),
            "mean": float(f"{one.mean:.4g}"),
            "std": float(f"{one.std:.3g}"),
        }
        for label, one in found.items()
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, height=min(220, 35 * len(rows) + 38))
    names = {overlay.name(label): one for label, one in found.items()}
    files = (panels.Download("CSV", "labels.csv", "text/csv", lambda: numbers_csv(names)),)
    panels.caption("values under each label", "labels", files)


def region_csv(place: Place) -> bytes:
    """The region's numbers with its centre in mm and its shape, one row."""
    chosen = place.settings
    x, y, z = place.sample.to_world(place.position)
    extra = {
        "x_mm": f"{x:.4f}",
        "y_mm": f"{y:.4f}",
        "z_mm": f"{z:.4f}",
        "radius_mm": f"{chosen.radius:g}",
        "unit": place.unit,
    }
    return numbers_csv({chosen.region: region_of(place)}, extra)


def numbers_csv(rows: dict[str, Region], extra: dict[str, str] | None = None) -> bytes:
    """A row per region: its name, voxels, volume_mm3, mean, std, min, max, then `extra`."""
    extra = extra or {}
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["region", *COLUMNS, *extra])
    for name, one in rows.items():
        numbers = (one.volume, one.mean, one.std, one.low, one.high)
        words = [f"{n:.9g}" if math.isfinite(n) else "" for n in numbers]
        writer.writerow([name, one.count, *words, *extra.values()])
    return buffer.getvalue().encode()


def millilitres(volume: float) -> str:
    """A volume of so many mm3 in words: 33.5 mm³, and from 1000 on in ml too."""
    if volume < 1000:
        return f"{volume:.4g} mm³"
    return f"{thousands(round(volume))} mm³ = {volume / 1000:.4g} ml"
