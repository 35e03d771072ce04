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


def write_card(entry: Card, folder: Path = FOLDER) -> Path:
    """Store a card beside its weights; returns the file written."""
    path = folder / f"{entry.name}.json"
    path.write_text(json.dumps(asdict(entry), indent=1) + "\n")
    return path


def weights_path(file: str) -> Path:
    """Where a shipped weights file lies."""
    return FOLDER / file
