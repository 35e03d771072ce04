"""How DICOM pixels may be coded: as they are, or compressed (PS3.5, chapters 8 and 10, annex A)."""

from dashboard.data.readers.errors import DamagedFile, UnknownFormat, short
from dashboard.data.readers.files import File

IMPLICIT = "1.2.840.10008.1.2"
LITTLE = "1.2.840.10008.1.2.1"
BIG = "1.2.840.10008.1.2.2"
PLAIN = (IMPLICIT, LITTLE, BIG)
_COMPRESSED = "1.2.840.10008.1.2.4."
CODED = {
    "1.2.840.10008.1.2.1.99": "deflate",
    "1.2.840.10008.1.2.5": "RLE",
    _COMPRESSED + "50": "JPEG, lossy",
    _COMPRESSED + "51": "JPEG, lossy",
    _COMPRESSED + "57": "JPEG Lossless",
    _COMPRESSED + "70": "JPEG Lossless",
    _COMPRESSED + "80": "JPEG-LS",
    _COMPRESSED + "81": "JPEG-LS, lossy",
    _COMPRESSED + "90": "JPEG 2000",
    _COMPRESSED + "91": "JPEG 2000, lossy",
    _COMPRESSED + "201": "HTJ2K",
    _COMPRESSED + "202": "HTJ2K",
    _COMPRESSED + "203": "HTJ2K, lossy",
}
_VIDEO = tuple(_COMPRESSED + str(number) for number in (*range(100, 109),))
_ELSEWHERE = (_COMPRESSED + "94", _COMPRESSED + "95")


def refuse_syntax(file: File, told: str | None, little: bool, implicit: bool) -> str:
    """The transfer syntax of `file`, worked out where it does not say.

    Raises UnknownFormat for video, pixels kept on a server and what no decoder here knows.
    """
    if not told:
        return IMPLICIT if implicit else LITTLE if little else BIG
    if told in PLAIN:
        # Some files say one and are the other: how the elements were read decides.
        return BIG if told == BIG and not little else IMPLICIT if implicit else LITTLE
    if told in CODED:
        return told
    if told.startswith(_VIDEO):
        raise UnknownFormat(
            f"{file.shown} holds a video (MPEG): expected the slices of a scan; export its frames "
            "as pictures."
        )
    if told in _ELSEWHERE:
        raise DamagedFile(
            f"{file.shown} only says where its pixels lie on a server: export the series with its "
            "pixels."
        )
    raise UnknownFormat(
        f"{file.shown} is compressed in a way ({short(told, 40)!r}) that is not read: export it "
        "uncompressed, or as JPEG 2000."
    )
