"""Files become a Sample: `open_files` tries the readers in order and says what is wrong."""

import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dashboard.data.readers.afni_file import AfniReader
from dashboard.data.readers.archive import MOST_MEMBERS, expand
from dashboard.data.readers.content import what_is
from dashboard.data.readers.csv_table import CsvReader
from dashboard.data.readers.dicom_series import DicomSeriesReader
from dashboard.data.readers.dicom_waveform import DicomReader
from dashboard.data.readers.edf_file import EdfReader
from dashboard.data.readers.errors import (
    ChoiceNeeded,
    DamagedFile,
    EmptyFile,
    UnknownFormat,
    UnreadableFile,
    UnsafeFile,
    short,
)
from dashboard.data.readers.files import File, Files, disk_file, folder_files, memory_file
from dashboard.data.readers.image_file import ImageReader
from dashboard.data.readers.ishne_file import IshneReader
from dashboard.data.readers.mat_file import MatReader
from dashboard.data.readers.metaimage_file import MetaImageReader
from dashboard.data.readers.mgh_file import MghReader
from dashboard.data.readers.nifti import NiftiReader
from dashboard.data.readers.npy_array import NpyReader
from dashboard.data.readers.nrrd_file import NrrdReader
from dashboard.data.readers.reader import Reader
from dashboard.data.readers.scp_file import ScpReader
from dashboard.data.readers.tiff_stack import TiffReader
from dashboard.data.readers.wfdb_record import WfdbReader
from dashboard.data.readers.xml_file import XmlReader
from dashboard.data.sample import Sample

__all__ = [
    "FORMATS",
    "READERS",
    "ChoiceNeeded",
    "DamagedFile",
    "EmptyFile",
    "UnknownFormat",
    "UnreadableFile",
    "UnsafeFile",
    "open_files",
]

# Certain signatures first, looser ones later: a WFDB header names the files it needs, EDF, XML and
# pictures begin with their own mark, while a table of numbers is only known by trying. Of DICOM the
# waveforms first: a scan is any DICOM file that is none. Volumes go by suffix (a .raw belongs to
# the .mhd or .nhdr beside it); TIFF stands before the pictures since only it knows a stack from a
# picture, NumPy tells volumes from ECG by the number of axes.
READERS: tuple[Reader, ...] = (
    WfdbReader(),
    EdfReader(),
    DicomReader(),
    DicomSeriesReader(),
    ScpReader(),
    IshneReader(),
    XmlReader(),
    NiftiReader(),
    NrrdReader(),
    MetaImageReader(),
    MghReader(),
    AfniReader(),
    TiffReader(),
    ImageReader(),
    NpyReader(),
    MatReader(),
    CsvReader(),
)


@dataclass(frozen=True)
class Format:
    """A row of the table of formats: what may be given, and how much of it."""

    kind: str
    formats: str
    limits: str


FORMATS: tuple[Format, ...] = (
    Format(
        "ECG",
        "WFDB (.hea with .dat, .mat or FLAC, and .atr)",
        "24 h of 12 leads at 1000 Hz; segments of fixed and variable layout",
    ),
    Format("ECG", "EDF, EDF+ and BDF, with annotations", "channels of one sampling rate at a time"),
    Format(
        "ECG",
        "HL7 aECG, GE MUSE and Philips Sierra 1.03 and 1.04 (.xml)",
        "64 MiB; the rhythm, or on the command line the median beat",
    ),
    Format(
        "ECG",
        "CSV, TSV, TXT (one column per lead)",
        "256 MiB of text; sampling rate and unit are asked for where missing",
    ),
    Format("ECG", "NumPy .npy and .npz (leads, samples)", "numbers only, at most 256 leads"),
    Format(
        "ECG",
        "DICOM waveform (12-lead, general, ambulatory ECG)",
        "256 MiB; of several groups (rhythm, median beat) one is chosen",
    ),
    Format(
        "ECG",
        "SCP-ECG (.scp), compressed or plain",
        "2 MiB; no bimodal compression",
    ),
    Format("ECG", "ISHNE Holter (.ecg)", "up to 12 leads; annotation files (.ann) are not read"),
    Format(
        "ECG",
        "MATLAB .mat, version 4 to 7 (array or struct)",
        "134 million numbers; what is missing is asked for",
    ),
    Format(
        "Picture",
        "PNG, JPEG, BMP, GIF, WebP, TIFF of one page",
        "40 million pixels; of an animation the first frame",
    ),
    Format(
        "Scan",
        "NIfTI-1 and -2 (.nii, .nii.gz, .hdr with .img), FreeSurfer (.mgz, .mgh)",
        "512 MiB of stored values per volume; of a series one volume",
    ),
    Format(
        "Scan",
        "NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd with .raw), AFNI (.HEAD with .BRIK)",
        "512 MiB per volume; values in one file, given together with the header",
    ),
    Format(
        "Scan",
        "TIFF stack (.tif, also of ImageJ and OME)",
        "512 MiB per volume, 10,000 pages; 1 mm where the file gives no voxel size",
    ),
    Format(
        "Scan",
        "NumPy .npy and .npz with three axes, MedMNIST3D",
        "512 MiB per volume; of a set one volume",
    ),
    Format(
        "Scan",
        "DICOM series (folder, zip or files; plain, multi-frame, mosaic, compressed)",
        "1 GiB of stored values per volume, 10,000 files; of several series or volumes one",
    ),
    Format("Archive", "zip or folder of any of these", "2 GiB expanded, ratio 200, 10,000 files"),
)

# What libraries and the interpreter raise on damaged files: turned into DamagedFile in one place.
# NotImplementedError is theirs too: zipfile and Pillow for variants a damaged header asks for.
LIBRARY_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
# A header alone finds its record's other files, but not what a person keeps beside a record.
NOT_OF_A_RECORD = (
    *(".csv", ".txt", ".json", ".html", ".xml", ".png", ".jpg"),
    *(".npz", ".npy", ".zip", ".edf", ".dcm", ".scp"),
)
# What the values of a volume are called beside its header.
VALUES_OF = {
    ".hdr": (".img", ".img.gz"),
    ".mhd": (".raw", ".zraw"),
    ".nhdr": (".raw", ".raw.gz", ".gz", ".raw.bz2", ".bz2", ".hex", ".txt"),
    ".head": (".brik", ".brik.gz"),
}

# What lies between the slices of a scan (reports, lists of files) and is no sample of its own.
BESIDE_A_SCAN = ("table", "XML")

Given = str | Path | tuple[str, bytes]


def open_files(files: Sequence[Given] | Given, choices: Mapping[str, str] | None = None) -> Sample:
    """The sample that `files` are together.

    Each file is a path (of a file, a folder or a zip) or a name with its bytes. `choices` answers
    questions a ChoiceNeeded asked. Raises UnreadableFile or a subclass and nothing else.
    """
    given = [files] if isinstance(files, str | Path | tuple) else list(files)
    try:
        # Numbers too large for float32 become infinite, which readers turn into gaps.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return _read(_gather(given), dict(choices or {}))
    except UnreadableFile:
        raise
    except LIBRARY_ERRORS as error:
        # The library's own words may quote the file, so they stay in the chain only.
        names = ", ".join(short(_name(item)) for item in given[:3])
        raise DamagedFile(
            f"{names} could not be read ({type(error).__name__}): the contents do not follow "
            "their format; get a fresh copy."
        ) from error


def _name(item: Given) -> str:
    return item[0] if isinstance(item, tuple) else Path(item).name


def _gather(given: Sequence[Given]) -> Files:
    """All files given, folders walked and zips expanded."""
    gathered: list[File] = []
    for item in given:
        for file in _files_of(item, alone=len(given) == 1):
            gathered += expand(file) if file.suffix == ".zip" else [file]
    if not gathered:
        raise EmptyFile("No files were given: expected a recording, a picture or a scan.")
    if all(file.size == 0 for file in gathered):
        raise EmptyFile(f"{gathered[0].shown} is empty (0 bytes): choose a file with contents.")
    return Files(gathered)


def _files_of(item: Given, alone: bool) -> list[File]:
    if isinstance(item, tuple):
        return [memory_file(item[0], item[1])]
    path = Path(item)
    if path.is_dir():
        return folder_files(path, MOST_MEMBERS)
    if not path.is_file():
        raise UnreadableFile(f"{short(str(path))} does not exist: check the name and the folder.")
    if alone and path.suffix.lower() == ".hea":
        return _record_files(path)
    if alone and path.suffix.lower() in VALUES_OF:
        return _header_and_values(path)
    return [disk_file(path)]


def _record_files(header: Path) -> list[File]:
    """A lone header with the files of its stem in its own folder."""
    beside = sorted(path for path in header.parent.glob("*") if path.stem == header.stem)
    wanted = [path for path in beside if path.suffix.lower() not in NOT_OF_A_RECORD]
    return [disk_file(path) for path in wanted if path.is_file()]


def _header_and_values(header: Path) -> list[File]:
    """A lone header of a volume with the file of its values, called alike in the same folder."""
    wanted = {(header.stem + end).lower() for end in VALUES_OF[header.suffix.lower()]}
    beside = [path for path in sorted(header.parent.glob("*")) if path.name.lower() in wanted]
    return [disk_file(path) for path in (header, *beside) if path.is_file()]


def _read(files: Files, choices: Mapping[str, str]) -> Sample:
    fitting = {reader.name: reader for reader in READERS if reader.sniff(files)}
    asked = str(choices.get("kind", "")).lower()
    fitting = {n: r for n, r in fitting.items() if n.lower() == asked} or fitting
    if DicomSeriesReader.name in fitting:
        fitting = {n: r for n, r in fitting.items() if n not in BESIDE_A_SCAN}
    if len(fitting) > 1:
        question = f"The files {files.names(3)} are several samples."
        raise ChoiceNeeded("kind", question, tuple(fitting))
    if not fitting:
        fitting = _by_suffix(files)
    return next(iter(fitting.values())).read(files, choices)


def _by_suffix(files: Files) -> dict[str, Reader]:
    """The reader of the first file's suffix: it knows best what is wrong with its contents."""
    suffix = next(file for file in files.values() if file.size).suffix
    for reader in READERS:
        if suffix in reader.suffixes:
            return {reader.name: reader}
    raise UnknownFormat(_unknown(files))


def _unknown(files: Files) -> str:
    first = next(file for file in files.values() if file.size)
    what = what_is(first.head())
    found = f" ({what} by its content)" if what else ""
    known = ", ".join(reader.suffixes[0] for reader in READERS)
    return f"{files.names(3)}{found} is of no known format: expected {known}, or a zip."
