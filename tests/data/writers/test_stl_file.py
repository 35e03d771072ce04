"""A surface as STL, read back field by field as the format is described."""

import struct

import numpy as np

from dashboard.data.surface import map_surface
from dashboard.data.writers.stl_file import stl_bytes


def test_every_triangle_and_its_normal_are_written():
    values = np.zeros((6, 7, 8), np.float32)
    values[2:4, 2:5, 3:6] = 1
    surface = map_surface(values, np.diag([2.0, 1, 1, 1]), 0.5)
    content = stl_bytes(surface)
    (count,) = struct.unpack_from("<I", content, 80)
    assert count == len(surface)
    assert len(content) == 84 + 50 * count
    assert not content.startswith(b"solid")  # readers take that for the text format
    middle = surface.vertices.mean(axis=0)
    for triangle in range(count):
        numbers = struct.unpack_from("<12f", content, 84 + 50 * triangle)
        normal, corners = np.array(numbers[:3]), np.reshape(numbers[3:], (3, 3))
        np.testing.assert_array_equal(corners, surface.vertices[surface.faces[triangle]])
        assert np.isclose(np.linalg.norm(normal), 1, atol=1e-5)
        assert normal @ (corners.mean(axis=0) - middle) > 0  # outwards
