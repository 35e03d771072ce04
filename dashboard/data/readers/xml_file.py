"""ECGs in the XML of recorders: HL7 aECG, GE MUSE and Philips Sierra, told apart by their root."""

from collections.abc import Callable, Iterator, Mapping
from xml.etree.ElementTree import Element

import numpy as np

from dashboard.data.readers.aecg_xml import aecg_blocks
from dashboard.data.readers.ecg_sample import HIGHEST_RATE, asked_rate, choose_file, ecg_sample
from dashboard.data.readers.errors import DamagedFile, UnknownFormat
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.leads import choose_group, unique
from dashboard.data.readers.limb_leads import with_limb_leads
from dashboard.data.readers.muse_xml import muse_blocks
from dashboard.data.readers.philips_xml import philips_blocks
from dashboard.data.readers.xml_strip import Block, Strip, choose_block, first_blocks, standard_lead
from dashboard.data.readers.xml_tree import parse_xml, root_name, shown
from dashboard.data.sample import Marks, Sample

# Root element to (what a person calls the format, its strips).
ROOTS: Mapping[str, tuple[str, Callable[[Element, File], Iterator[Block]]]] = {
    "AnnotatedECG": ("HL7 aECG", aecg_blocks),
    "RestingECG": ("GE MUSE", muse_blocks),
    "restingecgdata": ("Philips Sierra", philips_blocks),
}
ANNOTATOR = "recorder"


class XmlReader:
    """.xml, or any small text that begins with one of the known roots.

    Only leads, times and beats are taken; names, identifiers and birth dates are not looked at,
    nor are the recorder's statements, which people edit and sign.
    """

    name = "XML"
    suffixes = (".xml",)

    def sniff(self, files: Files) -> bool:
        """A file whose outermost element is known."""
        return bool(_recordings(files))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        file = choose_file(_recordings(files) or files.with_suffix(*self.suffixes), choices)
        root = parse_xml(file)
        if root.tag not in ROOTS:
            raise _unknown_root(file, root)
        blocks = first_blocks(ROOTS[root.tag][1](root, file), file.name)
        if not blocks:
            raise DamagedFile(
                f"{file.shown} is {ROOTS[root.tag][0]} XML without waveforms: export it with them."
            )
        block, left_out = choose_block(blocks, choices, self.name, file.name)
        rate = _rate(block, choices, file)
        strip = block.read(rate)
        given = unique([standard_lead(lead) for lead in strip.leads])
        names, values, computed = with_limb_leads(given, strip.values)
        chosen, notes = choose_group(names, [rate] * len(names), choices)
        return ecg_sample(
            values[chosen],
            name=file.stem,
            channels=[names[i] for i in chosen],
            units=["mV"] * len(chosen),
            rate=rate,
            source=file.name,
            annotations=_marks(strip, rate),
            notes=(*left_out, *computed, *strip.notes, *notes),
            start_time=strip.start_time,
        )


def _recordings(files: Files) -> list[File]:
    texts = files.with_suffix(".xml", ".txt", "")
    return [file for file in texts if root_name(file) in ROOTS]


def _unknown_root(file: File, root: Element) -> UnknownFormat:
    known = ", ".join(f"{name} ({what})" for name, (what, _) in ROOTS.items())
    return UnknownFormat(
        f"{file.shown} is XML of another kind: its outermost element is {shown(root.tag)}, "
        f"expected one of {known}."
    )


def _rate(block: Block, choices: Mapping[str, str], file: File) -> float:
    rate = block.rate or asked_rate(choices, file.name)
    if not 0 < rate <= HIGHEST_RATE:
        raise DamagedFile(
            f"{file.shown} gives a sampling rate of {rate:g} Hz: expected a positive number up to "
            f"{HIGHEST_RATE:g}."
        )
    return rate


def _marks(strip: Strip, rate: float) -> tuple[Marks, ...]:
    """The recorder's own beats as one annotator, in order of time."""
    if not strip.beats:
        return ()
    beats = sorted(strip.beats, key=lambda beat: beat.seconds)
    positions = np.rint([beat.seconds * rate for beat in beats]).astype(np.int64)
    symbols, notes = tuple(b.symbol for b in beats), tuple(b.note for b in beats)
    return (Marks(ANNOTATOR, positions, symbols, notes),)
