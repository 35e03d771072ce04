"""What the tests of volume readers share: a small cube, and the oracle's view of a file."""

from pathlib import Path

import numpy as np
import SimpleITK

CUBE = np.arange(60, dtype=np.int16).reshape(3, 4, 5) * 7 - 100  # (i, j, k)
SPACING, ORIGIN = (0.5, 1.25, 3.0), (-10.0, 20.0, 30.5)
# Left, posterior, superior: no two axes alike, none along a coordinate.
DIRECTION = np.array([[0.8, 0.6, 0.0], [0.36, -0.48, 0.8], [0.48, -0.64, -0.6]])


def itk_image(array: np.ndarray = CUBE, vector: bool = False) -> SimpleITK.Image:
    """`array` (i, j, k[, frame]) as an oblique image; the last axis may be a vector."""
    axes = 3 if vector else array.ndim
    image = SimpleITK.GetImageFromArray(
        array.transpose(2, 1, 0, 3) if vector else array.T.copy(), isVector=vector
    )
    size = min(axes, 3)
    direction = np.eye(axes)
    direction[:size, :size] = DIRECTION[:size, :size] if axes > 2 else np.eye(2)
    image.SetSpacing([*SPACING, 1.0][:axes])
    image.SetOrigin([*ORIGIN, 0.0][:axes])
    image.SetDirection(direction.flatten().tolist())
    return image


def itk_bytes(image: SimpleITK.Image, path: Path, compressed: bool = False) -> bytes:
    """The file that SimpleITK writes for `image` at `path`."""
    SimpleITK.WriteImage(image, str(path), useCompression=compressed)
    return path.read_bytes()


def itk_view(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Values (i, j, k, ...) and RAS+ affine of a file as SimpleITK reads it."""
    image = SimpleITK.ReadImage(str(path))
    axes = image.GetDimension()
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(axes, axes)[:3, :3]
    affine[:3, :3] = direction * np.array(image.GetSpacing())[:3]
    affine[:3, 3] = image.GetOrigin()[:3]
    values = SimpleITK.GetArrayFromImage(image)
    turned = np.moveaxis(values, range(axes), range(axes)[::-1])
    return turned, np.diag([-1, -1, 1, 1]) @ affine
