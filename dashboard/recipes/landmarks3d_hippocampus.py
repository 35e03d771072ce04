"""Centres of the anterior and the posterior hippocampus in T1 MR crops, by heatmaps."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dashboard.data.readers import open_files
from dashboard.recipes.landmarks import Case, LandmarkTraining
from dashboard.recipes.recipe import UnsuitableData
from models.training import augment
from models.training.landmarks import flipped_with_points, moved_with_points

PARTS = (1, 2)  # label values: anterior, posterior


def cases(folder: Path, split: str) -> list[Case]:
    """Volumes of `{split}.txt` from `images/` with the centres of mass of their `labels/`."""
    listed = folder / f"{split}.txt"
    if not (folder / "images").is_dir():
        raise UnsuitableData(
            f"{folder} has no folder images: expected images/, labels/ and train.txt, val.txt"
        )
    names = listed.read_text(encoding="utf-8").split() if listed.is_file() else []
    return [_case(folder, Path(name).name) for name in names]


def _case(folder: Path, name: str) -> Case:
    image, labels = folder / "images" / f"{name}.nii.gz", folder / "labels" / f"{name}.nii.gz"
    if not image.is_file() or not labels.is_file():
        raise UnsuitableData(f"{name} is listed in {folder} but not in its images/ and labels/")
    sample, mask = open_files([image], {"kind": "mr"}), open_files([labels], {"kind": "mask"})
    if sample.shape != mask.shape:
        raise UnsuitableData(f"{name}: the image is {sample.shape}, its labels are {mask.shape}")
    return Case(sample, centres(mask.values((0,)), name))


def centres(labels: np.ndarray, name: str) -> np.ndarray:
    """Centre of mass (P, 3) of each part in array index; UnsuitableData where one is missing."""
    places = [np.argwhere(labels == part) for part in PARTS]
    if not all(len(place) for place in places):
        raise UnsuitableData(f"{name}: expected labels 1 (anterior) and 2 (posterior), both there")
    return np.array([place.mean(axis=0) for place in places])


def augmented(x: Tensor, points: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Crops as the other side, another head, scanner or click would give them; values -1..1."""
    x, points = flipped_with_points(x, points, 0, generator)
    x, points = moved_with_points(x, points, generator, turn=0.25, scale=0.12, shear=0.1, shift=3.5)
    x = augment.gamma((x + 1) / 2, 0.4, generator)
    x = augment.contrast(x, 0.1, 0.2, generator)
    x = augment.chosen(x, augment.blur(x, 1.0, generator), 0.5, generator)
    return augment.noise(x, 0.05, generator).clamp(0, 1) * 2 - 1, points


ROW = LandmarkTraining(
    name="landmarks3d-hippocampus",
    read=cases,
    augment=augmented,
    epochs=40,
    batch=12,
    learning_rate=4e-3,
    trained_on="crops of the Medical Segmentation Decathlon, Task04 Hippocampus",
    license="CC BY-SA 4.0, as the Medical Segmentation Decathlon (arXiv:1902.09063)",
    notes=(
        "a landmark is the centre of mass of its part's voxels in the expert segmentation",
        "crops are of one hippocampus each; of a whole head the part about the crosshair is fed",
    ),
)
RECIPE = ROW.recipe()
