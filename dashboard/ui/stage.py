"""Which stage draws a sample: chosen by what its axes measure, the one place that looks."""

from dashboard.ui.scene import Scene
from dashboard.ui.stages import picture, planes, time_axis, units

BY_AXIS = {"s": time_axis, "px": picture, "mm": planes}


def show_stage(scene: Scene) -> None:
    """The input with the chosen channel, and all channels; without positions, one bar a unit."""
    if scene.layer.place is None:
        units.draw(scene)
    else:
        BY_AXIS[scene.sample.axis_unit].draw(scene)


def show_pair(scene: Scene) -> None:
    """The two channels of the chosen Gram cell."""
    if scene.layer.place is not None:
        BY_AXIS[scene.sample.axis_unit].draw_pair(scene)
