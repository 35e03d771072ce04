"""Analysis of a sample: places in the sample's own index, gaps, chunks, choice of network."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from dashboard.analysis import analyze as module
from dashboard.analysis.analyze import NoModel, analyze, choose_model, ecg_channel
from dashboard.data.sample import Sample
from models.records import Beats, Classes
from models.spec import InputSpec, ModelSpec, Weights

AAMI = ("N", "S", "V", "F", "Q")
CELL = 8


def lead_of(values, rate=100.0, names=("II",)) -> Sample:
    array = np.atleast_2d(np.asarray(values, dtype=np.float32))
    return Sample(array, "made", "ecg", names, ("mV",) * len(names), "s", rate)


def picture(modality: str) -> Sample:
    array = np.zeros((1, 28, 28), np.uint8)
    return Sample(array, "made", modality, ("grey",), ("",), "px")


def volume(modality: str) -> Sample:
    array = np.zeros((1, 24, 24, 24), np.int16)
    return Sample(array, "made", modality, ("value",), ("",), "mm", affine=np.eye(4))


def impulse_finder() -> nn.Module:
    """A grid of 8 samples per cell, by hand: an impulse of 1 at k is a V beat at k + 0.5."""
    conv = nn.Conv1d(1, 2 + len(AAMI), CELL, CELL)
    places = (torch.arange(CELL) + 0.5) / CELL
    with torch.no_grad():
        conv.weight.zero_()
        conv.bias.zero_()
        conv.weight[0, 0] = 20.0
        conv.bias[0] = -10.0
        conv.weight[1, 0] = torch.logit(places)
        conv.bias[2 + AAMI.index("V")] = 5.0
    return conv.eval()


def everywhere() -> nn.Module:
    """A beat in the middle of every cell, whatever is fed."""
    conv = nn.Conv1d(1, 2 + len(AAMI), CELL, CELL)
    with torch.no_grad():
        conv.weight.zero_()
        conv.bias.zero_()
        conv.bias[0] = 10.0
    return conv.eval()


def beat_spec(**input_options) -> ModelSpec:
    options = {"crop": "whole-signal", "multiple": CELL, "domain": "ecg", **input_options}
    return ModelSpec(
        name="by-hand",
        title="by hand",
        family="test",
        task="beats",
        dims=(1,),
        build=lambda dim, channels, classes: impulse_finder(),
        input=InputSpec(**options),
        classes=len(AAMI),
        stages=(),
        first_conv="",
        head="",
        paper="",
        weights=(Weights(1, AAMI, "by-hand.safetensors"),),
        decoder={"stride": CELL, "threshold": 0.5, "refractory_s": 0.02},
    )


def impulses(length: int, *places: int) -> np.ndarray:
    values = np.zeros(length, np.float32)
    values[list(places)] = 1.0
    return values


def found(sample: Sample, net: nn.Module, **options) -> Beats:
    spec = beat_spec(sampling_rate=sample.sampling_rate)
    return analyze(sample, spec, net=net, **options).prediction


def test_beats_lie_at_the_sample_index_of_what_caused_them():
    places = [3, 40, 77, 199]
    beats = found(lead_of(impulses(200, *places)), impulse_finder())
    np.testing.assert_allclose(beats.positions, np.minimum(np.add(places, 0.5), 199), atol=1e-4)
    assert beats.symbols == ["V"] * 4


@pytest.mark.parametrize("rate", [250.0, 360.0, 500.0])
def test_beats_of_a_resampled_lead_are_given_in_the_files_own_sampling(rate):
    time = np.arange(int(10 * rate)) / rate
    middles = np.array([1.0, 3.3, 7.77])
    # A bump of one fed sample's width at 100 Hz survives the resampling filter.
    lead = sum(np.exp(-0.5 * ((time - m) / 0.012) ** 2) for m in middles)
    spec = beat_spec(sampling_rate=100.0)
    spec = dataclasses.replace(spec, decoder={**spec.decoder, "refractory_s": 0.5})
    beats = analyze(lead_of(lead, rate), spec, net=impulse_finder()).prediction
    assert len(beats) == 3
    # The finder's cell is 80 ms wide and its place within it a sum over the bump.
    np.testing.assert_allclose(beats.positions / rate, middles, atol=0.08)


def test_no_beat_is_reported_inside_a_gap_or_behind_the_end():
    lead = np.zeros(100, np.float32)
    lead[32:64] = np.nan
    beats = found(lead_of(lead), everywhere())
    # Cells 0..12 have their middle at 8u + 4; 4..7 lie in the gap; 12 would be 100, behind the end.
    np.testing.assert_allclose(beats.positions, [4, 12, 20, 28, 68, 76, 84, 92])
    assert len(beats.labels) == len(beats.scores) == len(beats.probabilities) == 8


def test_an_empty_lead_gives_no_beats_and_a_reason():
    sample = lead_of(np.full(400, np.nan))
    analysis = analyze(sample, beat_spec(sampling_rate=100.0), net=everywhere())
    assert len(analysis.prediction) == 0
    assert analysis.reasons == ("lead II holds no values",)


def test_a_long_lead_in_chunks_gives_the_same_beats_as_in_one_pass(monkeypatch):
    random = np.random.default_rng(3)
    lead = lead_of(random.standard_normal(5000))
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv1d(1, 4, 9, padding=4), nn.ReLU(), nn.Conv1d(4, 7, 25, stride=CELL, padding=12)
    ).eval()
    whole = found(lead, net)
    monkeypatch.setattr(module, "CHUNK", 512)
    chunked = found(lead, net)
    assert len(whole) > 50
    np.testing.assert_allclose(chunked.positions, whole.positions, atol=1e-3)
    np.testing.assert_allclose(chunked.probabilities, whole.probabilities, atol=1e-5)


def test_the_lead_asked_for_is_the_one_analysed():
    both = lead_of([impulses(80, 20), impulses(80, 60)], names=("V1", "V5"))
    spec = beat_spec(sampling_rate=100.0)
    assert analyze(both, spec, net=impulse_finder()).prediction.positions[0] == pytest.approx(20.5)
    second = analyze(both, spec, net=impulse_finder(), channel=1)
    assert second.prediction.positions[0] == pytest.approx(60.5)
    assert second.prepared.channel == 1


def test_a_classifier_answers_with_probabilities_that_softmax_gives():
    net = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 3)).eval()
    net = nn.Sequential(nn.Conv2d(1, 1, 1), net).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net[1][1].bias.copy_(torch.tensor([0.0, 1.0, 2.0]))
    spec = dataclasses.replace(
        beat_spec(crop="whole-image", domain="digit", multiple=1),
        task="classification",
        dims=(2,),
        weights=(Weights(2, ("a", "b", "c"), "by-hand.safetensors"),),
    )
    answer = analyze(picture("digit"), spec, net=net).prediction
    assert isinstance(answer, Classes)
    weights = np.exp([0.0, 1.0, 2.0])
    np.testing.assert_allclose(answer.probabilities, weights / weights.sum(), atol=1e-6)
    assert [name for name, _, _ in answer.ranked()] == ["c", "b", "a"]


def test_seconds_device_and_reasons_are_told():
    sample = dataclasses.replace(lead_of(impulses(200, 50)), modality="image")
    analysis = analyze(
        sample, beat_spec(sampling_rate=100.0), net=impulse_finder(), read_seconds=1.5
    )
    assert analysis.seconds.read == 1.5
    assert analysis.seconds.prepare > 0
    assert analysis.seconds.predict > 0
    assert analysis.device == "cpu"
    assert analysis.reasons == ("trained on ECG leads, this is an image",)


@pytest.mark.parametrize(
    ("sample", "name"),
    [
        (lead_of(np.zeros(100)), "ecg-beats"),
        (picture("digit"), "lenet5-mnist"),
        (volume("mr"), "resnet3d-hippocampus"),
    ],
    ids=["ecg", "digit", "mr"],
)
def test_the_network_that_was_trained_on_such_samples_is_chosen(sample, name):
    assert choose_model(sample).name == name


def test_a_sample_outside_every_domain_gets_the_list_of_networks():
    with pytest.raises(NoModel, match=r"ecg-beats.*lenet5-mnist.*resnet3d-hippocampus"):
        choose_model(volume("ct"))


@pytest.mark.parametrize(
    ("names", "channel"),
    [
        (("V5", "MLII"), 1),
        (("I", "II", "III"), 1),
        (("II", "MLII"), 1),
        (("Resp", "ECG Lead II"), 1),
        (("ABP", "V5"), 1),
        (("pressure", "ecg"), 1),
        (("pressure", "flow"), 0),
        (("aVR", "i"), 0),
    ],
)
def test_the_lead_is_chosen_by_its_name(names, channel):
    assert ecg_channel(lead_of(np.zeros((len(names), 10)), names=names)) == channel
