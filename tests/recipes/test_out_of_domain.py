"""What becomes of the beats outside what `ecg-beats` was trained on: rates, leads, other records.

`make test-slow ARGS="-s -k out_of_domain"` prints the numbers that README reports.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.signal import resample_poly

from dashboard.analysis import ec57
from dashboard.analysis.analyze import analyze
from dashboard.data.readers import open_files
from dashboard.recipes.beat_records import read_record, reference_of
from models import registry
from models.records import Beats

pytestmark = pytest.mark.slow

SPEC = registry.find("ecg-beats")
TWELVE = ("I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6")


@pytest.fixture(scope="module")
def net():
    return registry.load(SPEC.name)


@pytest.mark.parametrize("rate", [100, 128, 200, 250, 360, 500, 1000])
def test_out_of_domain_rates_leave_the_beats_where_they_are(net, data_dir, rate):
    sample = read_record(data_dir / "ecg_formats" / "ood" / "300.hea")
    ratio = Fraction(rate, round(sample.sampling_rate))
    array = resample_poly(sample.values(), ratio.numerator, ratio.denominator, axis=1)
    other = replace(sample, array=array.astype(np.float32), sampling_rate=rate, scale=None)
    beats = analyze(other, SPEC, net=net).prediction
    positions, labels, _ = reference_of(sample)
    scores = ec57.score((positions * float(ratio), labels), (beats.positions, beats.labels), rate)
    right = np.trace(scores.confusion) / scores.confusion.sum()
    print(f"\n{rate} Hz: {scores.detection}, rightly named {right:.4f}")
    assert min(scores.detection.values()) > 0.995
    assert right > 0.99


def agreement(beats: Beats, others: Beats, rate: float) -> tuple[int, int, int]:
    """Beats of both leads, and all of each."""
    partner = ec57.match(beats.positions, others.positions, 0.15 * rate)
    return int((partner >= 0).sum()), len(beats), len(others)


def test_out_of_domain_leads_show_the_beats_of_lead_two(net, data_dir):
    folder = data_dir / "ecg_formats"
    headers = sorted((folder / "challenge12lead").glob("*.hea"))
    headers.append(folder / "wfdb" / "s0010_re.hea")
    table = {}
    for header in headers:
        sample = open_files([header])
        names = [name.upper() for name in sample.channels]
        if not set(TWELVE) <= set(names):
            continue
        found = [analyze(sample, SPEC, net=net, channel=names.index(n)).prediction for n in TWELVE]
        for name, beats in zip(TWELVE, found, strict=True):
            counts = agreement(found[1], beats, sample.sampling_rate)
            table[name] = np.add(table.get(name, 0), counts)
    print()
    for name, (both, of_two, own) in table.items():
        print(
            f"{name:4} {both / of_two:.3f} of lead II's {of_two} beats, {both / own:.3f} of its own"
        )
    assert len(table) == 12
    total = np.sum(list(table.values()), axis=0)
    assert total[0] / total[1] > 0.95
    assert total[0] / total[2] > 0.9
