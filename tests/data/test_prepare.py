"""A lead is fed at the network's rate, each value at its own time; every rank finds its policy."""

import time
import tracemalloc

import numpy as np
import pytest
from scipy import signal

from dashboard.data import normalise
from dashboard.data.builtin import builtin
from dashboard.data.normalise import without_baseline
from dashboard.data.prepare import CROPS, prepare
from dashboard.data.sample import Sample
from models.spec import InputSpec

LEAD = InputSpec(sampling_rate=120.0, crop="whole-signal", multiple=32)
ECG = InputSpec(sampling_rate=120.0, crop="whole-signal", normalise="ecg")


def lead(values, rate=250.0) -> Sample:
    array = np.atleast_2d(np.asarray(values, dtype=np.float32))
    names = tuple(f"lead {n}" for n in range(len(array)))
    return Sample(array, "x", "ecg", names, ("mV",) * len(array), "s", rate)


def image(array) -> Sample:
    array = np.asarray(array)
    array = array[None] if array.ndim == 2 else array
    return Sample(array, "x", "image", ("c",) * len(array), ("",) * len(array), "px")


def volume(array, affine=None, **more) -> Sample:
    affine = np.eye(4) if affine is None else affine
    return Sample(
        np.asarray(array)[None], "x", "mr", ("value",), ("",), "mm", affine=affine, **more
    )


# Signals


@pytest.mark.parametrize("rate", [100, 128, 250, 257.3, 360, 500, 1000, 1_000_000])
def test_an_impulse_stays_within_one_fed_sample_of_its_time(rate):
    for second in (1.0, 1.97) if rate > 1e5 else (1.0, 7.3, 19.9):
        values = np.zeros(round((2.5 if rate > 1e5 else 21) * rate))
        place = round(second * rate)
        values[max(place - 1, 0) : place + 2] = 1.0
        prepared = prepare(lead(values, rate), LEAD)
        found = prepared.array[0].argmax()
        assert abs(prepared.index_in_input([place])[0] - found) <= 1
        assert abs(prepared.index_in_sample([found])[0] - place) <= rate / 120 + 1e-6


@pytest.mark.parametrize("rate", [128, 250, 360, 500, 1000])
def test_a_slow_wave_is_resampled_to_its_own_values(rate):
    """Oracle: the wave itself, at the times that `to_sample` gives."""
    wave = lambda t: np.sin(2 * np.pi * 3.0 * t + 0.4)  # noqa: E731
    prepared = prepare(lead(wave(np.arange(20 * rate) / rate), rate), LEAD)
    fed = np.arange(prepared.valid[0])
    times = prepared.index_in_sample(fed[:, None])[:, 0] / rate
    inner = slice(120, -120)
    # 2e-3: pass-band ripple of scipy's default filter
    np.testing.assert_allclose(prepared.array[0][fed][inner], wave(times)[inner], atol=2e-3)


def test_padding_comes_after_the_valid_part_and_fills_a_multiple():
    prepared = prepare(lead(np.ones(1000), 120.0), LEAD)
    assert prepared.valid == (1000,)
    assert prepared.array.shape == (1, 1024)
    assert (prepared.array[0, 1000:] == 0).all()


def test_the_chosen_lead_is_fed():
    sample = lead([np.zeros(500), np.ones(500)], 120.0)
    assert prepare(sample, LEAD, channel=1).array.max() == 1
    assert prepare(sample, LEAD, channel=1).channel == 1


def test_gaps_are_bridged_and_marked_where_they_are():
    values = np.linspace(0, 5, 2500)
    broken = values.copy()
    broken[500:750] = np.nan
    broken[0] = np.inf
    prepared = prepare(lead(broken), LEAD)
    times = np.arange(prepared.valid[0]) / 120
    expected = (times > 2.0) & (times < 2.996)
    agree = prepared.gaps[2:] == expected[2:]
    assert prepared.gaps[0]
    assert agree.mean() > 0.995  # the two edges round to the nearest original sample
    np.testing.assert_allclose(prepared.array[0, 12:1188], times[12:1188] * 0.5, atol=0.02)
    assert prepare(lead(values), LEAD).gaps is None


@pytest.mark.parametrize("spec", [LEAD, ECG], ids=["plain", "ecg"])
@pytest.mark.parametrize("values", [[np.nan] * 600, [1.0] * 600, [0.5], [0.1, 0.2, np.nan]])
def test_leads_without_signal_are_fed_without_complaint(spec, values):
    prepared = prepare(lead(values), spec)
    assert np.isfinite(prepared.array).all()


def test_a_lead_scaled_and_offset_is_fed_the_same():
    sample = builtin("ecg")
    plain = prepare(sample, ECG, channel=1).array
    changed = prepare(lead(sample.array[1] * 3 + 2, 500.0), ECG).array
    np.testing.assert_allclose(changed, plain, atol=1e-3)


def test_long_gaps_do_not_blow_up_what_is_there():
    values = builtin("ecg").array[1]
    mostly_gap = np.concatenate([values, np.full(6 * len(values), np.nan, np.float32)])
    plain = prepare(lead(values, 500.0), ECG).array[0, :6000]
    beside = prepare(lead(mostly_gap, 500.0), ECG).array[0, :6000]
    np.testing.assert_allclose(beside, plain, atol=0.05)


def test_filtering_in_blocks_equals_filtering_at_once(monkeypatch):
    values = np.random.default_rng(0).standard_normal(60_000).astype(np.float32)
    values += 50 * np.sin(np.arange(60_000) / 4000)
    monkeypatch.setattr(normalise, "BLOCK_SECONDS", 97)
    sos = signal.butter(2, 0.5, "highpass", fs=120, output="sos")
    whole = signal.sosfiltfilt(sos, values, padlen=480)
    np.testing.assert_allclose(without_baseline(values, 120.0), whole, atol=1e-5)


def test_a_day_takes_memory_in_proportion_to_its_length():
    """24 h of one lead: at most four times what the lead itself takes, and linear in time."""
    rate = 128.0
    hour = np.tile(builtin("ecg").array[1, ::4], 64)[: int(3600 * rate)]
    sizes = {}
    for hours in (6, 24):
        sample = lead(np.tile(hour, hours), rate)
        start = time.process_time()
        prepare(sample, ECG)
        seconds = time.process_time() - start
        tracemalloc.start()
        prepare(sample, ECG)
        sizes[hours] = (tracemalloc.get_traced_memory()[1] / sample.array.nbytes, seconds)
        tracemalloc.stop()
    assert sizes[24][0] < 4.5
    assert sizes[24][1] < 8 * sizes[6][1]  # 4 times as long; doubled for the noise of timing


# All


def test_wrong_rank_is_refused_with_what_was_given():
    for name, sample in [
        ("patch", lead(np.zeros(9))),
        ("digit", volume(np.zeros((3, 3, 3)))),
        ("whole-signal", image(np.zeros((3, 3), np.uint8))),
    ]:
        with pytest.raises(ValueError, match=rf"got an? {sample.kind}"):
            prepare(sample, InputSpec(crop=name, size=(28, 28)))
    assert set(CROPS) >= {"whole", "digit", "patch"}


def test_whole_feeds_every_rank():
    for sample in (
        lead(np.zeros(50)),
        image(np.zeros((5, 6), np.uint8)),
        volume(np.ones((5, 6, 7))),
    ):
        prepared = prepare(sample, InputSpec())
        assert prepared.valid == sample.shape
        assert prepared.array.dtype == np.float32
