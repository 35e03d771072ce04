"""The network strip: input, folded stages and the layers of the open one."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard.analysis.layers import field_extent
from dashboard.ui import state
from dashboard.ui.components.strip import StripRow, spark, strip
from dashboard.ui.scene import Scene
from dashboard.ui.words import field_text, shape_text, thousands
from models.probes.trace import LayerRecord

QUIET_KINDS = ("BatchNorm", "Dropout", "Flatten", "Identity")  # reachable by the layer selector


def show_network(scene: Scene) -> None:
    """The strip in the sidebar; a click on a row is a layer."""
    parameters = sum(r.parameters for r in scene.survey.trace.records)
    with st.sidebar:
        st.markdown(f"**{scene.spec.name}**")
        st.markdown(f":gray[:small[{thousands(parameters)} parameters]]")
        chosen = strip("network", list(_rows(scene)))
        st.markdown(":gray[:small[Output shape, receptive field, mean activity of each channel.]]")
    if chosen and chosen != scene.record.name:
        state.change(layer=_layer_of(scene, chosen))
        st.rerun()


def pick_layer(scene: Scene) -> None:
    """The layer and the channel in words; the popover lists every layer, for phone and keyboard."""
    names = list(scene.survey.trace.names)
    with st.popover(f"› {scene.record.name}", type="tertiary", help="Choose another layer"):
        chosen = st.selectbox(
            "Layer",
            names,
            index=names.index(scene.record.name),
            key=f"layer-{scene.spec.name}-{scene.record.name}",
        )
    if chosen != scene.record.name:
        state.change(layer=chosen)
        st.rerun()
    st.markdown(f":small[› channel {scene.channel} ›]")


def stages(scene: Scene) -> dict[str, list[LayerRecord]]:
    """Layers by stage, in order of execution; a layer outside all stages is a stage of its own."""
    found: dict[str, list[LayerRecord]] = {}
    for record in scene.survey.trace.records:
        inside = [
            s for s in scene.spec.stages if record.name == s or record.name.startswith(f"{s}.")
        ]
        found.setdefault(max(inside, key=len, default=record.name), []).append(record)
    return found


def _layer_of(scene: Scene, row: str) -> str:
    """The layer a row stands for: itself, or the last layer of a folded stage."""
    return stages(scene)[row][-1].name if row in stages(scene) else row


def _rows(scene: Scene) -> Iterator[StripRow]:
    prepared = scene.layer.prepared
    step = np.abs(prepared.to_sample[:-1, :-1]).sum(axis=1) * np.asarray(scene.sample.spacing)
    shape = shape_text(prepared.array.shape)
    yield StripRow("", "input", shape, field_text(step, scene.sample.axis_unit))
    for name, records in stages(scene).items():
        if len(records) == 1:
            yield _row(scene, records[-1], records[-1].name, name)
            continue
        inside = any(r.name == scene.record.name for r in records)
        yield replace(_row(scene, records[-1], name, name), stage=True, open=inside, chosen=False)
        for record in records:
            if record.kind not in QUIET_KINDS or record.name == scene.record.name:
                row = _row(scene, record, record.name, record.name.removeprefix(f"{name}."))
                yield replace(row, parent=name)


def _row(scene: Scene, record: LayerRecord, row_id: str, name: str) -> StripRow:
    extent = field_extent(record, scene.layer.prepared, scene.sample)
    activity = scene.survey.activity.get(record.name)
    return StripRow(
        id=row_id,
        name=name,
        shape=shape_text(record.shape),
        field=field_text(extent, scene.sample.axis_unit),
        spark=() if activity is None else spark(activity),
        chosen=record.name == scene.record.name,
    )
