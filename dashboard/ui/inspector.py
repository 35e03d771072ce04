"""The inspector: one channel in numbers, its histogram, the Gram matrix and the chosen pair."""

import streamlit as st

from dashboard.figures.histograms import histogram, histogram_bar
from dashboard.figures.matrices import clicked_pair, gram_heatmap
from dashboard.ui import cache, panels, state
from dashboard.ui.scene import SCOPES, Scene
from dashboard.ui.stage import show_pair
from dashboard.ui.words import relative, signed


def show_inspector(scene: Scene) -> None:
    """Everything about the chosen channel and its relation to the others."""
    _channel(scene)
    if scene.record.shape[0] > 1 and scene.layer.place is not None:
        _gram(scene)


def _channel(scene: Scene) -> None:
    last = scene.record.shape[0] - 1
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        panels.head(f"Channel {scene.channel}", f"of {last + 1}")
        st.space("stretch")
        chosen = st.number_input(
            "Channel",
            0,
            last,
            scene.channel,
            key=f"channel-{scene.record.name}-{scene.channel}",
            label_visibility="collapsed",
            width=112,
        )
    if chosen != scene.channel:
        state.change(channel=int(chosen), other=scene.channel)
        st.rerun()
    numbers = scene.statistics
    st.markdown(
        f":gray[mean] `{signed(numbers.mean)}` :gray[std] `{numbers.std:.2f}` "
        f":gray[positive] `{100 * numbers.positive:.0f} %`"
    )
    maps = scene.layer.maps
    figure = histogram_bar(histogram(maps[scene.channel], scene.clip), theme=scene.theme)
    alt = f"Histogram of channel {scene.channel}, mean {numbers.mean:.3g}."
    panels.chart(figure, "histogram", scene.theme, alt)
    st.segmented_control(
        "Colour range over",
        SCOPES,
        default=scene.scope,
        key="scope",
        on_change=_scope,
        required=True,
        label_visibility="collapsed",
        help="What the colour range is taken over",
    )


def _scope() -> None:
    state.change(scope=st.session_state["scope"])


def _gram(scene: Scene) -> None:
    matrix, order = cache.gram(*scene.key)
    count = len(matrix)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        panels.head("Gram matrix", f"{count} × {count}")
        st.space("stretch")
        clustered = st.toggle("cluster", key="gram-clustered")
    figure = gram_heatmap(
        matrix,
        theme=scene.theme,
        order=order if clustered else None,
        pair=(scene.channel, scene.other),
        phone=scene.phone,
    )
    value = matrix[scene.channel, scene.other]
    alt = f"Gram matrix; channels {scene.channel} and {scene.other}: {value:.3g}."
    key = panels.chart(figure, "gram", scene.theme, alt, on_select=_pair)
    files = (panels.Download("CSV", "gram.csv", "text/csv", lambda: panels.csv_of(matrix)),)
    panels.caption(f"click a cell · G = {relative(value)}", "gram", files, key)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        panels.head(f"Channels {scene.channel} and")
        other = st.number_input(
            "Second channel",
            0,
            count - 1,
            scene.other,
            key=f"other-{scene.record.name}-{scene.other}",
            label_visibility="collapsed",
            width=100,
        )
    if other != scene.other:
        state.change(other=int(other))
        st.rerun()
    show_pair(scene)


def _pair(key: str) -> None:
    point = panels.selected_point(key)
    if point is not None and point.get("customdata"):
        i, j = clicked_pair(point)
        state.change(channel=i, other=j)
