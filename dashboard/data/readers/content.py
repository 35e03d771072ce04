"""What a file is by its first bytes, whatever it is called."""

# (bytes at the start, what a person calls it); longer ones first where one begins another.
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"NRRD000", "an NRRD volume"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"fLaC", "a FLAC file"),
    (b"RIFF", "a RIFF file (sound, video or WebP)"),
    (b"SQLite format 3", "a database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"<?xml", "an XML document"),
    (b"0       ", "an EDF recording"),
    (b"\xffBIOSEMI", "a BDF recording"),
)


# Tab, line ends, form feed, escape, and everything that prints in some 8-bit alphabet.
_PLAIN_BYTES = bytes([9, 10, 11, 12, 13, 27, *range(32, 256)])


def what_is(head: bytes) -> str | None:
    """What `head` is the start of, None where its first bytes say nothing."""
    if head[128:132] == b"DICM":
        return "a DICOM file"
    return next((what for start, what in SIGNATURES if head.startswith(start)), None)


def looks_like_text(head: bytes) -> bool:
    """Whether `head` holds readable text: no control bytes but line ends and tabs."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return bool(head) and not head.translate(None, _PLAIN_BYTES)
