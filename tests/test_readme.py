"""README and repository agree: the tables of networks and formats, the commands, the files.

Run as a program (`make readme`), this file rewrites both tables from the model cards and readers.
"""

import re
from pathlib import Path

import pytest

from dashboard.__main__ import VERBS
from dashboard.data.readers import FORMATS
from models import zoo
from models.records import Card

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TABLE = re.compile(r"(<!-- (\w+): .*? -->\n)(.*?)(<!-- /\2 -->)", re.DOTALL)

# The numbers shown of a card, where it has them: path in `metrics`, how to call it, as a share.
HEADLINES = (
    ("detection.se", "beats found {:.2%}"),
    ("detection.ppv", "found beats that are real {:.2%}"),
    ("classes.N.f1", "F1 of N {:.3f}"),
    ("classes.S.f1", "of S {:.3f}"),
    ("classes.V.f1", "of V {:.3f}"),
    ("classes.F.f1", "of F {:.3f}"),
    ("accuracy", "accuracy {:.2%}"),
    ("balanced_accuracy", "balanced {:.2%}"),
    ("auc", "AUC {:.4f}"),
    ("dice.anterior", "Dice of the anterior part {:.3f}"),
    ("dice.posterior", "of the posterior part {:.3f}"),
    ("dice.mean", "mean {:.3f}"),
    ("mean_mm", "mean error {:.2f} mm"),
    ("within_2_mm", "{:.0%} within 2 mm"),
)


def _metric(metrics, path: str) -> float | None:
    for key in path.split("."):
        if key not in metrics:
            return None
        metrics = metrics[key]
    return metrics


def _row(card: Card) -> str:
    numbers = [(text, _metric(card.metrics, path)) for path, text in HEADLINES]
    shown = ", ".join(text.format(value) for text, value in numbers if value is not None)
    split = re.sub(r" \([^)]*\)", "", card.split)  # the card lists the records of each fold
    cells = (
        f"`{card.name}`",
        f"{card.parameters:,}",
        card.trained_on,
        f"{shown} ({split})",
        f"`{card.command}`",
        card.license,
    )
    return f"| {' | '.join(cells)} |"


def network_table() -> str:
    """The cards of the zoo as a Markdown table."""
    head = "| network | parameters | trained on | measured | reproduced by | weights' licence |"
    rows = [_row(card) for card in zoo.cards().values()]
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- |", *rows]) + "\n"


def format_table() -> str:
    """What the readers open as a Markdown table, as the app shows it beside the upload."""
    rows = [f"| {row.kind} | {row.formats} | {row.limits} |" for row in FORMATS]
    return "\n".join(["| kind | formats | limits |", "| --- | --- | --- |", *rows]) + "\n"


TABLES = {"networks": network_table, "formats": format_table}


@pytest.mark.parametrize("name", list(TABLES))
def test_table_says_what_the_repository_says(name):
    written = {found[2]: found[3] for found in TABLE.finditer(README.read_text())}
    assert written[name] == TABLES[name](), "run `make readme`"


def test_every_path_named_exists():
    named = re.findall(r"`((?:models|dashboard|pages|tests)/[\w/.]*)`", README.read_text())
    named = [path for path in named if "NAME" not in path]
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_verb_and_target_named_exists():
    text = README.read_text()
    verbs = set(re.findall(r"-m dashboard ([a-z]+)", text))
    assert verbs <= {verb.name for verb in VERBS}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+(?:-[a-z]+)?)\b", text)) <= targets


@pytest.mark.parametrize("name", sorted(zoo.cards()))
def test_command_of_a_card_names_its_network(name):
    card = zoo.card(name)
    assert card.name == name
    assert re.search(rf"python -m dashboard (train|evaluate) {name}\b", card.command)


if __name__ == "__main__":
    text = README.read_text()
    written = TABLE.sub(lambda found: found[1] + TABLES[found[2]]() + found[4], text)
    README.write_text(written)
