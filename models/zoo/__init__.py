"""Shipped weights (NAME.safetensors) and their model cards (NAME.json), read without torch."""

import json
from dataclasses import asdict
from pathlib import Path

from models.records import Card

FOLDER = Path(__file__).parent


def cards() -> dict[str, Card]:
    """Every card of the folder by network name, sorted."""
    return {path.stem: card(path.stem) for path in sorted(FOLDER.glob("*.json"))}


def card(name: str) -> Card:
    """The card of one shipped network; raises FileNotFoundError when there is none."""
    fields = json.loads((FOLDER / f"{name}.json").read_text())
    fields["classes"] = tuple(fields["classes"])
    fields["notes"] = tuple(fields["notes"])
    return Card(**fields)


def write_card(entry: Card, path: Path) -> Path:
    """Store a card as JSON in `path`, which stands beside the weights; returns it."""
    path.write_text(json.dumps(asdict(entry), indent=1) + "\n", encoding="utf-8")
    return path


def weights_path(file: str) -> Path:
    """Where a shipped weights file lies."""
    return FOLDER / file
