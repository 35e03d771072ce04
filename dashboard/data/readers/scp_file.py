"""SCP-ECG recordings (.scp): rhythm data of up to 255 leads, in mV.

Source: EN 1064:2005+A1:2007. Huffman codes, differences and subtracted reference beats are
undone; bimodal compression is refused.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dashboard.data.readers.ecg_sample import check_values, choose_file, ecg_sample
from dashboard.data.readers.errors import DamagedFile, UnsafeFile
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.leads import choose_group, unique
from dashboard.data.readers.limb_leads import with_limb_leads
from dashboard.data.readers.scp_huffman import Code, decode_lead, read_table
from dashboard.data.readers.scp_leads import LEADS
from dashboard.data.readers.scp_sections import (
    MARK,
    MARK_AT,
    Beat,
    Lead,
    Stored,
    read_beats,
    read_leads,
    read_sections,
    read_start_time,
    read_stored,
    refuse_bimodal,
)
from dashboard.data.sample import Sample

MILLIVOLTS_PER_NANOVOLT = 1e-6
MOST_SAMPLES_PER_BYTE = 8  # a code is at least one bit


class ScpReader:
    """.scp, by the letters SCPECG near its start."""

    name = "SCP-ECG"
    suffixes = (".scp",)

    def sniff(self, files: Files) -> bool:
        """Any file that has SCP-ECG's mark."""
        return bool(_recordings(files))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        file = choose_file(_recordings(files) or files.with_suffix(*self.suffixes), choices)
        sections, notes = read_sections(file)
        leads, subtracted = read_leads(file, sections)
        _check_span(file, leads)
        codes = read_table(sections.get(2, b""), file.shown)
        rhythm = read_stored(file, sections, 6, len(leads))
        reference = read_stored(file, sections, 5, len(leads)) if subtracted else None
        refuse_bimodal(file, rhythm, reference)
        array = _rhythm(file, leads, codes, rhythm)
        if reference is not None:
            fiducial, beats = read_beats(file, sections, len(leads))
            _add_reference(array, leads, _reference(codes, reference), fiducial, beats)
        names = unique([LEADS.get(lead.number, f"lead {lead.number}") for lead in leads])
        names, array, computed = with_limb_leads(names, array)
        chosen, left_out = choose_group(names, [1e6 / rhythm.interval] * len(names), choices)
        return ecg_sample(
            array[chosen],
            name=file.stem,
            channels=[names[i] for i in chosen],
            units=["mV"] * len(chosen),
            rate=1e6 / rhythm.interval,
            source=file.name,
            notes=(*left_out, *computed, *notes),
            start_time=read_start_time(sections),
        )


def _recordings(files: Files) -> list[File]:
    marked = MARK_AT + len(MARK)
    return [file for file in files.values() if file.head(marked)[MARK_AT:] == MARK]


def _check_span(file: File, leads: Sequence[Lead]) -> None:
    """Refuse leads that declare more samples than the file could hold, before allocating."""
    span = max(lead.end for lead in leads) - min(lead.start for lead in leads) + 1
    most = MOST_SAMPLES_PER_BYTE * file.size
    if span > most or sum(lead.samples for lead in leads) > most:
        raise UnsafeFile(
            f"{file.shown} declares leads of {span:,} samples in {file.size:,} bytes, more than "
            "can be there: it is damaged or made to fill the memory."
        )
    check_values(len(leads), span, file.name)


def _rhythm(
    file: File, leads: Sequence[Lead], codes: Sequence[Code] | None, rhythm: Stored
) -> np.ndarray:
    """(leads, samples) float32 in mV; NaN where a lead was not recorded."""
    first = min(lead.start for lead in leads)
    total = max(lead.end for lead in leads) - first + 1
    array = np.full((len(leads), total), np.nan, dtype=np.float32)
    scale = rhythm.nanovolts * MILLIVOLTS_PER_NANOVOLT
    for row, lead, data in zip(array, leads, rhythm.leads, strict=True):
        samples = decode_lead(data, codes, rhythm.difference, lead.samples)
        if len(samples) < lead.samples:
            raise DamagedFile(
                f"{file.shown} declares {lead.samples:,} samples of lead "
                f"{LEADS.get(lead.number, lead.number)}, but {len(samples):,} can be decoded: it "
                "is damaged; export it again."
            )
        row[lead.start - first : lead.end - first + 1] = samples * scale
    return array


def _reference(codes: Sequence[Code] | None, reference: Stored) -> list[np.ndarray]:
    """The reference beat of each lead in mV, as long as its bytes go."""
    scale = reference.nanovolts * MILLIVOLTS_PER_NANOVOLT
    return [
        decode_lead(data, codes, reference.difference, MOST_SAMPLES_PER_BYTE * len(data)) * scale
        for data in reference.leads
    ]


def _add_reference(
    array: np.ndarray,
    leads: Sequence[Lead],
    reference: Sequence[np.ndarray],
    fiducial: int,
    beats: Sequence[Beat],
) -> None:
    """Undo, in place, the subtraction of the reference beat (5.7, 5.8): fiducial on fiducial."""
    first = min(lead.start for lead in leads)
    for beat in beats:
        if beat.kind != 0:
            continue
        for row, lead, shape in zip(array, leads, reference, strict=True):
            start, end = max(beat.start, lead.start), min(beat.end, lead.end)
            offset = fiducial - beat.fiducial - 1  # sample number to index of the reference beat
            start = max(start, -offset)
            end = min(end, len(shape) - 1 - offset)
            if start <= end:
                row[start - first : end - first + 1] += shape[start + offset : end + offset + 1]
