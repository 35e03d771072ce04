"""Siemens mosaics: all slices of one time point as the tiles of one picture.

Geometry as in nibabel.nicom.dicomwrappers (MosaicWrapper): the position a mosaic gives is the one
a slice of the whole picture's size would have, with the centre of the real slices.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dashboard.data.readers.dicom_records import Mosaic, Plane
from dashboard.data.readers.errors import DamagedFile
from dashboard.data.readers.files import File

MOST_TILES = 4096


def tiles(picture: Plane, gap: float | None) -> list[Plane]:
    """The slices of a mosaic `picture`, each at its own position, `gap` mm from the one before.

    Raises DamagedFile where the file leaves their place open.
    """
    mosaic = picture.image.mosaic
    step = gap if isinstance(gap, float) and gap else picture.thickness
    if not picture.placed or picture.spacing is None or step is None:
        raise _unplaced(picture.image.file)
    row, column = np.array(picture.orientation[:3]), np.array(picture.orientation[3:])
    rows, columns = np.array(mosaic.tile) * (mosaic.across - 1) / 2
    corner = np.array(picture.position)
    corner += row * columns * picture.spacing[1] + column * rows * picture.spacing[0]
    normal = np.cross(row, column) if mosaic.normal is None else np.array(mosaic.normal)
    return [
        replace(
            picture,
            tile=divmod(number, mosaic.across),
            position=tuple((corner + normal * abs(step) * number).tolist()),
            order=(*picture.order[:2], number),
            thickness=abs(step),
        )
        for number in range(mosaic.count)
    ]


def mosaic_of(file: File, fact: Mapping | None, rows: int, columns: int) -> Mosaic | None:
    """The tiles that `fact` (from the child) tells of, None where the file is no mosaic.

    Raises DamagedFile where it does not say how many there are, or they do not fit.
    """
    if fact is None:
        return None
    count, tile = fact["count"], fact["tile"]
    if count:
        across = int(np.ceil(np.sqrt(min(max(count, 1), MOST_TILES))))
    else:
        across = columns // max(tile[1], 1) if tile else 0
        count = across**2
    if (
        not (across and 0 < count <= min(across**2, MOST_TILES))
        or rows % across
        or columns % across
    ):
        raise DamagedFile(
            f"{file.shown} is a Siemens mosaic that does not say how its slices lie in it: export "
            "it with its private elements, or as NIfTI."
        )
    normal = fact["normal"]
    if normal is not None and (None in normal or abs(np.linalg.norm(normal) - 1) > 0.01):
        normal = None
    return Mosaic(
        count, (rows // across, columns // across), across, tuple(normal) if normal else None
    )


def _unplaced(file: File) -> DamagedFile:
    return DamagedFile(
        f"{file.shown} is a Siemens mosaic without position, orientation, voxel size or distance "
        "of its slices: export it again, or as NIfTI."
    )
