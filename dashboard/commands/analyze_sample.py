"""`analyze FILE...`: run a network on a sample and print what it says."""

import argparse
import json
from pathlib import Path

from dashboard.commands import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE... [--model NAME] [--lead NAME] [--device D] [--plugin FILE] [--json] [--out DIR].

    With [--whole [--fast]] the network goes over the whole scan.
    """
    options.add_files(parser)
    parser.add_argument("--model", metavar="NAME", help="the network (default: the one that fits)")
    options.add_lead(parser)
    options.add_device(parser)
    options.add_plugin(parser)
    options.add_json(parser)
    parser.add_argument("--out", metavar="DIR", help="also write tables, figures and activations")
    parser.add_argument(
        "--whole", action="store_true", help="the network at every place of a scan: NIfTI in --out"
    )
    parser.add_argument(
        "--fast",
        action="store_true",
        help="with --whole: one pass, an approximation for networks that pad",
    )


def run(arguments: argparse.Namespace) -> int:
    """Analyze the files; JSON or a short text on stdout."""
    options.check_whole(arguments)
    opened = options.open_sample(arguments.files, arguments.choose)
    channel = options.find_lead(opened.sample, arguments.lead)
    # torch loads only now: an unreadable file or a wrong lead is answered at once
    from dashboard.analysis.analyze import analyze
    from dashboard.analysis.export import document
    from dashboard.commands import networks

    networks.use_plugin(arguments.plugin)
    sample = opened.sample
    spec = networks.spec_for(sample, arguments.model)
    device = networks.find_device(arguments.device)
    net = networks.load_network(spec, sample.dim, device)
    if arguments.whole:
        from dashboard.commands.whole_scan import run_whole

        return run_whole(opened, spec, net, arguments)
    with networks.told_in_one_line():
        analysis = analyze(sample, spec, channel=channel, net=net, read_seconds=opened.seconds)
    if arguments.out:
        from dashboard.commands.analysis_folder import write_folder

        write_folder(analysis, net, Path(arguments.out))
    text = json.dumps(document(analysis)) if arguments.json else _summary(analysis)
    print(text)
    return 0


def _summary(analysis) -> str:
    """A few lines for people: the sample, the network, and the answer."""
    from dashboard.analysis.export import answer_lines

    sample, seconds = analysis.sample, analysis.seconds
    lines = [
        f"{sample.name}: {sample.kind}, {' x '.join(str(n) for n in sample.shape)}, "
        f"channels {', '.join(sample.channels)}",
        f"{analysis.spec.name} on {analysis.device}: read {seconds.read:.2f} s, "
        f"prepare {seconds.prepare:.2f} s, predict {seconds.predict:.2f} s",
        *(f"outside its domain: {reason}" for reason in analysis.reasons),
        *answer_lines(analysis),
    ]
    return "\n".join(lines)
