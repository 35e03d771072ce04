"""How fast a surface is found and a layer of a scan is shown, pictures and all, with no browser."""

from collections.abc import Iterator
from time import perf_counter

import numpy as np

from dashboard.analysis import layers
from dashboard.analysis.benchmarks.memory import peak_memory
from dashboard.analysis.benchmarks.timing import Measure, interleaved
from dashboard.data.prepare import prepare
from dashboard.data.sample import Sample
from dashboard.data.surface import MOST_TRIANGLES, sample_surface
from dashboard.figures.pictures import input_picture
from dashboard.figures.volumes import layer_picture, planes
from models import registry
from models.probes.trace import outline, trace

NETWORK = "resnet3d-hippocampus"
EXPLORED = "layer2.0.relu2"  # a layer in the middle of it


def rough_ball(shape: tuple[int, int, int]) -> Sample:
    """A ball with a rough skin as an int16 CT, -1000 to 1000 HU: a hard case for marching cubes."""
    axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in shape]
    squared = sum(a**2 for a in np.meshgrid(*axes, indexing="ij", sparse=True))
    rough = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    values = np.clip(4000 * (0.7 - np.sqrt(squared)) + 60 * rough, -1000, 1000)
    affine = np.diag([0.7, 0.7, 1.0, 1.0])
    stored = np.asfortranarray(values.astype(np.int16))[None]
    return Sample(stored, "ball", "ct", ("value",), ("HU",), "mm", affine=affine, scale=(1.0, 0.0))


def mesh(device: str) -> Iterator[Measure]:
    """Surface of 256^3, which uses one core; of a chest CT's size, memory above the scan."""
    ball = rough_ball((256, 256, 256))
    (seconds,) = interleaved([lambda: sample_surface(ball, 300)], rounds=3)
    found = sample_surface(ball, 300)
    detail = f"{len(found)} triangles, steps {found.steps}"
    yield Measure("surface of 256 x 256 x 256", seconds, "s", 2.0, detail=detail)
    yield Measure("triangles of it", len(found), "", MOST_TRIANGLES)
    chest = rough_ball((512, 512, 300))
    with peak_memory() as peak:
        started = perf_counter()
        sample_surface(chest, 300)
        seconds = perf_counter() - started
    detail = f"in {seconds:.1f} s; the scan itself is {chest.array.nbytes / 2**20:.0f} MB"
    yield Measure("512 x 512 x 300: memory above it", peak.megabytes, "MB", 500, detail=detail)


def explore_three_planes(device: str) -> Iterator[Measure]:
    """128^3: every layer surveyed, one layer over the whole, three planes drawn."""
    ball = rough_ball((128, 128, 128))
    spec, net = registry.find(NETWORK), registry.load(NETWORK, device=device)

    def explore() -> None:
        fed = layers.explored_part(prepare(ball, spec.input, whole=True), ball, spec, net)
        shapes = outline(net, fed.array.shape)
        part = layers.explored_input(ball, spec, net, whole=False)
        kept = trace(net, part.array, layers=[name for name in shapes.names if ":" not in name])
        layers.activity(kept)
        layers.clip_of_all(kept)
        view = layers.look(net, fed, EXPLORED)
        clip = layers.statistics(view.maps).clip
        for where in planes(ball.shape, ball.affine, np.array(ball.shape) / 2):
            input_picture(where.read(ball), (-1000, 1000), under=True)
            layer_picture(where, view.maps[0], view.place, clip)

    (seconds,) = interleaved([explore], rounds=3, device=device)
    yield Measure("128 x 128 x 128: survey, one layer, three planes", seconds, "s", 3.0)
