"""Writes a surface as binary STL, which 3D printers and every mesh program read."""

import struct

import numpy as np

from dashboard.data.surface import Surface

_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def stl_bytes(surface: Surface) -> bytes:
    """A binary STL: 80 bytes of header, the number of triangles, 50 bytes each; mm, RAS+."""
    triangles = np.zeros(len(surface), _TRIANGLE)
    corners = surface.vertices[surface.faces]  # (F, 3, 3)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    triangles["normal"] = normals / np.where(lengths > 0, lengths, 1)
    triangles["corners"] = corners
    header = b"ConvScope surface, mm, RAS+".ljust(80, b" ")
    return header + struct.pack("<I", len(surface)) + triangles.tobytes()
