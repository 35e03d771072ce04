"""`trace FILE... --model NAME --out FILE.npz`: the activations of a network's layers."""

import argparse
import json
from pathlib import Path
from typing import Any

from dashboard.commands import options
from dashboard.commands.usage import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE... --model NAME [--layers a,b] [--whole] --out FILE.npz."""
    options.add_files(parser)
    parser.add_argument("--model", required=True, metavar="NAME", help="a network of `models`")
    parser.add_argument("--layers", metavar="A,B", help="dotted names (default: every layer)")
    parser.add_argument("--out", required=True, metavar="FILE.npz", help="where the arrays go")
    parser.add_argument("--weights", metavar="FILE", help="weights of your own")
    parser.add_argument(
        "--whole", action="store_true", help="feed a patch network the whole sample"
    )
    options.add_lead(parser)
    options.add_device(parser)
    options.add_plugin(parser)
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Trace in one pass; a line per layer on stdout, the arrays in the file."""
    out = Path(arguments.out)
    if not out.parent.is_dir():
        raise UsageError(f"got --out {out}, expected an existing folder {out.parent}: make it")
    sample = options.open_sample(arguments.files, arguments.choose).sample
    channel = options.find_lead(sample, arguments.lead)
    # torch loads only now: an unreadable file or a wrong lead is answered at once
    from dashboard.analysis.analyze import input_of
    from dashboard.analysis.export import write_activations
    from dashboard.commands import networks

    networks.use_plugin(arguments.plugin)
    spec = networks.find_spec(arguments.model)
    device = networks.find_device(arguments.device)
    net = networks.load_network(spec, sample.dim, device, arguments.weights)
    with networks.told_in_one_line():
        prepared = input_of(sample, spec, channel=channel, whole=arguments.whole)
        traced = write_activations(net, prepared, _names(arguments.layers), out)
    rows = [_row(record) for record in traced.records]
    print(json.dumps(_document(arguments, rows, traced)) if arguments.json else _table(rows, out))
    return 0


def _names(layers: str | None) -> list[str]:
    return [name.strip() for name in (layers or "").split(",") if name.strip()]


def _row(record) -> dict[str, Any]:
    """What is known of a traced layer, without its array."""
    places = {
        key: None if value is None else [float(v) for v in value]
        for key, value in (
            ("stride", record.stride),
            ("offset", record.offset),
            ("field", record.field),
        )
    }
    return {
        "name": record.name,
        "kind": record.kind,
        "shape": list(record.shape),
        "parameters": record.parameters,
        **places,
    }


def _document(arguments: argparse.Namespace, rows: list[dict[str, Any]], traced) -> dict[str, Any]:
    return {
        "model": arguments.model,
        "out": arguments.out,
        "seconds": round(traced.seconds, 4),
        "layers": rows,
    }


def _table(rows: list[dict[str, Any]], out: Path) -> str:
    width = max((len(row["name"]) for row in rows), default=0)
    lines = [
        f"{row['name']:<{width}}  {row['kind']:<18} {' x '.join(str(n) for n in row['shape'])}"
        for row in rows
    ]
    return "\n".join([*lines, f"wrote {out}"])
