"""`analyze --out DIR`: the answer, tables, activations and figures as files."""

import json
from pathlib import Path

from dashboard.analysis.analyze import Analysis
from dashboard.analysis.export import default_layers, document, write_activations
from dashboard.analysis.layers import LayerView, place_of
from dashboard.commands.analysis_pages import pages_of
from dashboard.data.writers.beats_csv import beat_annotations, beats_csv
from dashboard.data.writers.labels_nifti import write_labels
from dashboard.data.writers.wfdb_files import record_name
from models.records import Beats, Mask


def write_folder(analysis: Analysis, net, folder: Path) -> list[Path]:
    """Write everything into `folder`, which is made; returns the files written.

    analysis.json; for beats also beats.csv and a WFDB annotation NAME.atr; for a segmented volume
    labels.nii.gz on its own grid; activations.npz of the default layers; figures as .html.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"analysis.json": json.dumps(document(analysis), indent=1).encode()}
    if isinstance(analysis.prediction, Beats):
        rate = analysis.sample.sampling_rate
        contents["beats.csv"] = beats_csv(analysis.prediction, rate)
        annotation = f"{record_name(analysis.sample.name)}.atr"
        contents[annotation] = beat_annotations(analysis.prediction, rate)
    written = [folder / "activations.npz"]
    if isinstance(analysis.prediction, Mask) and analysis.sample.affine is not None:
        labels = folder / "labels.nii.gz"
        written.append(write_labels(analysis.prediction, analysis.sample, labels))
    layers = default_layers(analysis)
    traced = write_activations(net, analysis.prepared, layers, written[0])
    shown = analysis.spec.default_layer
    record = traced[shown] if shown in traced.names else traced.records[0]
    view = LayerView(record, analysis.prepared, place_of(record, analysis.prepared), traced.seconds)
    contents |= {name: page.encode() for name, page in pages_of(analysis, view)}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [*written, *(folder / name for name in contents)]
