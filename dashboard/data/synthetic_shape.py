"""A computed shape like an adrenal gland's: a body and two thin limbs, as a mask of 1 mm voxels."""

import numpy as np

from dashboard.data.sample import Sample

SHAPE = (64, 64, 64)  # voxels of 1 mm, axes to the right, front and head
PLATES = (  # start and end (across, along) in mm from the middle: the body, two limbs backwards
    ((0.0, 9.0), (0.0, 1.0)),
    ((0.0, 1.0), (-6.5, -12.0)),
    ((0.0, 1.0), (5.5, -13.0)),
)
THICKNESS = 4.0  # mm
HEIGHT = 30.0  # mm, head to foot
TILT = 0.25  # how far the gland leans forward per mm upwards


def adrenal_shape(thickness: float = THICKNESS) -> Sample:
    """The mask, in the orientation of a scan; `thickness` of body and limbs in mm."""
    right, front, head = (np.arange(n) - (n - 1) / 2 for n in SHAPE)
    across = right[:, None, None]
    along = front[None, :, None] - TILT * head[None, None, :]
    taper = np.sqrt(np.clip(1 - (2 * head / HEIGHT) ** 2, 0, 1))[None, None, :]
    distance = np.minimum.reduce([_to_plate(across, along, *plate) for plate in PLATES])
    inside = (distance <= thickness / 2 * taper) & (taper > 0)
    affine = np.eye(4)
    affine[:3, 3] = [-(n - 1) / 2 for n in SHAPE]
    return Sample(
        array=inside.astype(np.uint8)[None],
        name="adrenal-like shape",
        modality="mask",
        channels=("value",),
        units=("",),
        axis_unit="mm",
        affine=affine,
        scale=(1.0, 0.0),
        notes=("computed: no patient's gland",),
        source="dashboard/data/synthetic_shape.py",
    )


def _to_plate(
    across: np.ndarray, along: np.ndarray, start: tuple[float, float], end: tuple[float, float]
) -> np.ndarray:
    """Distance in mm to the line from `start` to `end`, both (across, along)."""
    way = np.subtract(end, start)
    part = ((across - start[0]) * way[0] + (along - start[1]) * way[1]) / (way @ way)
    part = np.clip(part, 0, 1)
    return np.hypot(across - start[0] - part * way[0], along - start[1] - part * way[1])
