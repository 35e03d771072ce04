"""Placeholder."""


def draw(scene):
    pass


def draw_pair(scene):
    pass
