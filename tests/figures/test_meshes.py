"""Scenes of surfaces: what travels, how large it is, and where the crosshair lies."""

import json

import numpy as np

from dashboard.data.surface import MOST_TRIANGLES, map_surface
from dashboard.figures.meshes import TISSUE, Solid, channel_solids, mesh_figure
from dashboard.figures.theme import ACTIVATION, DARK, LIGHT


def bumpy(side=110) -> np.ndarray:
    """A rough ball: as many triangles as a surface may have."""
    index = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), axis=-1)
    noise = np.random.default_rng(0).standard_normal((side,) * 3)
    distance = np.linalg.norm(index - side / 2, axis=-1)
    return (side / 2.6 - distance + 0.4 * noise).astype(np.float32)


AFFINE = np.array([[0, -1.5, 0, 70], [1.5, 0, 0, -90], [0, 0, 2.0, 5], [0, 0, 0, 1]])


def test_the_largest_surface_travels_in_a_megabyte():
    found = map_surface(bumpy(), AFFINE, 0.0)
    assert MOST_TRIANGLES / 2 < len(found) <= MOST_TRIANGLES
    figure = mesh_figure([Solid("scan", found)], theme=LIGHT, position=np.zeros(3))
    text = figure.to_json()
    assert len(text) <= 2**20
    mesh = json.loads(text)["data"][0]
    assert mesh["x"]["dtype"] == "f4"
    assert mesh["i"]["dtype"] == "u2"  # fewer than 65,536 vertices
    assert mesh["hoverinfo"] == "skip"


def test_vertices_and_triangles_are_those_of_the_surface():
    found = map_surface(bumpy(20), AFFINE, 0.0)
    mesh = mesh_figure([Solid("scan", found)], theme=LIGHT).data[0]
    np.testing.assert_array_equal(np.stack([mesh.x, mesh.y, mesh.z], axis=1), found.vertices)
    np.testing.assert_array_equal(np.stack([mesh.i, mesh.j, mesh.k], axis=1), found.faces)


def test_axes_have_their_unit_true_proportions_and_keep_their_turn():
    found = map_surface(bumpy(20), AFFINE, 0.0)
    scene = mesh_figure([Solid("scan", found)], theme=DARK).layout.scene
    titles = [scene[f"{name}axis"].title.text for name in "xyz"]
    assert titles == ["x (mm), right +", "y (mm), anterior +", "z (mm), superior +"]
    assert scene.aspectmode == "data"
    assert scene.uirevision
    assert scene.xaxis.title.font.color == DARK.quiet


def test_the_crosshair_runs_through_the_position_and_the_whole_scene():
    found = map_surface(bumpy(20), AFFINE, 0.0)
    at = np.array([50.0, -80.0, 25.0])
    lines = mesh_figure([Solid("scan", found)], theme=LIGHT, position=at).data[-1]
    path = np.stack([lines.x, lines.y, lines.z], axis=1)
    for axis in range(3):
        ends = path[3 * axis : 3 * axis + 2]
        np.testing.assert_allclose(np.delete(ends, axis, 1), np.delete([at, at], axis, 1))
        assert ends[0, axis] <= found.vertices[:, axis].min()
        assert ends[1, axis] >= found.vertices[:, axis].max()
    assert np.isnan(path[2::3]).all()


def test_a_channel_has_the_colours_of_activations_and_the_scan_is_seen_through():
    positive = map_surface(bumpy(20), AFFINE, 1.0)
    negative = map_surface(-bumpy(20), AFFINE, 1.0)
    solids = [Solid("scan", positive, opacity=0.2), *channel_solids(positive, negative)]
    meshes = mesh_figure(solids, theme=LIGHT).data
    assert [mesh.opacity for mesh in meshes] == [0.92, 0.92, 0.2]  # what is inside first
    colours = [mesh.color for mesh in meshes]
    assert colours == [
        f"rgb{hue}".replace(" ", "") for hue in (ACTIVATION.high, ACTIVATION.low, TISSUE)
    ]


def test_nothing_above_the_level_is_said():
    empty = map_surface(np.zeros((4, 4, 4), np.float32), AFFINE, 1.0)
    figure = mesh_figure([Solid("scan", empty)], theme=LIGHT, empty="Nothing above 1.")
    assert not figure.data
    assert figure.layout.annotations[0].text == "Nothing above 1."


def test_an_empty_surface_beside_another_is_left_out():
    full = map_surface(bumpy(20), AFFINE, 0.0)
    empty = map_surface(np.zeros((4, 4, 4), np.float32), AFFINE, 1.0)
    figure = mesh_figure([Solid("scan", full), *channel_solids(empty, empty)], theme=LIGHT)
    assert [trace.name for trace in figure.data] == ["scan"]
