"""DICOM series: the slices of a CT, MR or other scan, however many files they come in.

One child process reads the headers of all files and a second one unpacks what is compressed; the
server only ever handles plain numbers from them.
"""

from collections.abc import Mapping, Sequence

from dashboard.data.readers.dicom_geometry import Grid, grid_of
from dashboard.data.readers.dicom_headers import looks_dicom, read_headers
from dashboard.data.readers.dicom_pixels import read_pixels
from dashboard.data.readers.dicom_records import Plane
from dashboard.data.readers.dicom_stacks import Stack, stacks_of, volumes_of, without_copies
from dashboard.data.readers.dicom_waveform import WAVEFORM_CLASS
from dashboard.data.readers.errors import ChoiceNeeded, short
from dashboard.data.readers.files import Files
from dashboard.data.readers.volume_sample import volume_sample
from dashboard.data.sample import Sample

_MODALITIES = {"CT": "ct", "MR": "mr"}


class DicomSeriesReader:
    """Scans in DICOM; several series, or volumes of one, are a question."""

    name = "DICOM series"
    suffixes = (".dcm", ".ima", ".dic", ".dicom")

    def sniff(self, files: Files) -> bool:
        """Whether one of the files is DICOM and no waveform."""
        return any(looks_dicom(f) and WAVEFORM_CLASS not in f.head(1024) for f in files.values())

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        """The volume (column, row, slice), its slices ascending along their normal.

        `choices`: "series" (its number, as the options begin), "frame" (of several volumes at one
        place, from 0), "kind". Raises UnreadableFile and its subclasses.
        """
        found = read_headers(files)
        planes, copies = without_copies(found.planes)
        stack = _chosen_stack(stacks_of(planes), choices)
        volume, which = _chosen_volume(volumes_of(stack.planes), choices)
        grid = grid_of(volume)
        pixels = read_pixels(grid)
        image = grid.planes[0].image
        used = dict.fromkeys(plane.image.file for plane in grid.planes)
        return volume_sample(
            pixels.stored,
            name=_name(stack),
            source=next(iter(used)).shown if len(used) == 1 else f"{len(used)} DICOM files",
            affine=grid.affine,
            scale=pixels.scale,
            choices=choices,
            modality=_MODALITIES.get(image.modality, "volume"),
            unit=image.unit,
            notes=(*which, *grid.notes, *pixels.notes, *_about(grid), *copies, *found.notes),
        )


def _chosen_stack(stacks: Sequence[Stack], choices: Mapping[str, str]) -> Stack:
    """The only stack, or the one that `choices["series"]` names by its key or label."""
    if len(stacks) == 1:
        return stacks[0]
    asked = str(choices.get("series", "")).strip().lower()
    for stack in stacks:
        if asked in (stack.label.lower(), stack.key):
            return stack
    question = f"The files hold {len(stacks)} series or stacks of slices: which one?"
    if asked:
        question = f"There is no series {short(asked)!r} among the {len(stacks)} in the files."
    raise ChoiceNeeded("series", question, tuple(stack.label for stack in stacks))


def _chosen_volume(
    volumes: Sequence[tuple[str, list[Plane]]], choices: Mapping[str, str]
) -> tuple[list[Plane], list[str]]:
    """The only volume, or the one that `choices["frame"]` names, and a note which it is."""
    if len(volumes) == 1:
        return volumes[0][1], []
    options = tuple(f"{number}: {words}" for number, (words, _) in enumerate(volumes))
    asked = str(choices.get("frame", "")).strip().lower()
    for number, (option, (_, planes)) in enumerate(zip(options, volumes, strict=True)):
        if asked in (option.lower(), str(number)):
            return planes, [f"volume {option} of {len(volumes)}"]
    question = f"The series holds {len(volumes)} volumes at one place, counted from 0: which one?"
    raise ChoiceNeeded("frame", question, options)


def _name(stack: Stack) -> str:
    """What the series is called, never a folder: that may be a patient's name."""
    image = stack.planes[0].image
    described = image.description.translate(str.maketrans("/\\", "  "))
    return short(described) or f"{image.modality or 'DICOM'} series {stack.key}"


def _about(grid: Grid) -> list[str]:
    """What a person should know of the values."""
    image = grid.planes[0].image
    notes = []
    if image.photometric == "MONOCHROME1":
        notes.append("the file shows low values bright (MONOCHROME1): values are as stored")
    if image.samples > 1 or image.photometric == "PALETTE COLOR":
        notes.append("colours, read as their luminance (ITU-R BT.601): no measured values")
    if image.padding is not None:
        notes.append(f"the stored value {image.padding} marks what was not scanned")
    if image.window is not None:
        notes.append("window of the file: centre {:g}, width {:g}".format(*image.window))
    return notes
