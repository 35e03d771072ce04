"""Training: it learns, it can be stopped, and going on gives what never stopping would have."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.loop import Diverged, build_optimizer, fit, rate_at


def toy_net() -> nn.Module:
    """Dropout, so that the random state matters; a norm, so that buffers do."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2)
    )


def toy_batches(epoch: int) -> list[tuple[Tensor, Tensor]]:
    """Which side of a circle: no line separates the classes."""
    generator = torch.Generator().manual_seed(epoch)
    batches = []
    for _ in range(4):
        x = torch.randn(64, 2, generator=generator)
        batches.append((x, (x.norm(dim=1) > 1.2).long()))
    return batches


def cross_entropy(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(net(x), y)


def weights_of(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def test_loss_falls_and_the_toy_problem_is_solved():
    net = toy_net()
    steps = list(fit(net, toy_batches, cross_entropy, epochs=30, learning_rate=2e-2))
    losses = [step.values["epoch_loss"] for step in steps if "epoch_loss" in step.values]
    assert len(losses) == 30
    assert losses[-1] < losses[0] / 2
    x, y = toy_batches(1000)[0]
    assert (net(x).argmax(1) == y).float().mean() > 0.9
    assert not net.training


def test_fractions_rise_to_one_in_equal_steps():
    steps = list(fit(toy_net(), toy_batches, cross_entropy, epochs=3))
    assert [step.fraction for step in steps] == pytest.approx([(i + 1) / 12 for i in range(12)])


def test_resumed_training_equals_an_uninterrupted_one(tmp_path):
    whole = toy_net()
    list(fit(whole, toy_batches, cross_entropy, epochs=4))

    checkpoint = tmp_path / "toy.checkpoint.pt"
    stopped = toy_net()
    steps = fit(stopped, toy_batches, cross_entropy, epochs=4, checkpoint=checkpoint)
    for _ in range(10):  # into the third epoch: its first half must not count
        next(steps)
    steps.close()

    torch.manual_seed(99)
    resumed = nn.Sequential(*toy_net())
    for parameter in resumed.parameters():
        nn.init.zeros_(parameter)
    rest = list(
        fit(resumed, toy_batches, cross_entropy, epochs=4, checkpoint=checkpoint, resume=True)
    )
    assert len(rest) == 2 * 4
    for name, value in weights_of(whole).items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_resume_without_a_checkpoint_starts_from_the_beginning(tmp_path):
    steps = fit(
        toy_net(),
        toy_batches,
        cross_entropy,
        epochs=1,
        checkpoint=tmp_path / "none.pt",
        resume=True,
    )
    assert len(list(steps)) == 4


def test_checkpoint_of_another_plan_is_refused(tmp_path):
    checkpoint = tmp_path / "toy.checkpoint.pt"
    list(fit(toy_net(), toy_batches, cross_entropy, epochs=1, checkpoint=checkpoint))
    steps = fit(toy_net(), toy_batches, cross_entropy, epochs=2, checkpoint=checkpoint, resume=True)
    with pytest.raises(ValueError, match="got 2 epochs, expected the 1"):
        next(steps)


def test_checkpoint_holds_no_code(tmp_path):
    checkpoint = tmp_path / "toy.checkpoint.pt"
    list(fit(toy_net(), toy_batches, cross_entropy, epochs=1, checkpoint=checkpoint))
    assert torch.load(checkpoint, weights_only=True)["done"] == 1
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.name]


def test_closing_the_generator_stops_the_training():
    net = toy_net()
    steps = fit(net, toy_batches, cross_entropy, epochs=100)
    next(steps)
    steps.close()
    after = weights_of(net)
    assert list(steps) == []
    assert not net.training
    for name, value in net.state_dict().items():
        assert torch.equal(value, after[name])


def test_evaluating_between_steps_does_not_end_training_mode():
    seen = []

    def loss(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        seen.append(net.training)
        return cross_entropy(net, x, y)

    net = toy_net()
    for _ in fit(net, toy_batches, loss, epochs=1):
        net.eval()
    assert seen == [True] * 4


def test_a_loss_that_is_not_finite_is_reported():
    def loss(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(net, x, y) * float("nan")

    with pytest.raises(Diverged, match="the loss became nan in epoch 1"):
        next(fit(toy_net(), toy_batches, loss, epochs=1))


def test_learning_rate_rises_then_falls_to_nothing():
    rates = [rate_at(i / 100) for i in range(101)]
    assert max(rates) == pytest.approx(1)
    assert rates.index(max(rates)) == 10
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-12)


def test_only_matrices_are_decayed():
    decayed = build_optimizer(toy_net(), 0.1).param_groups
    assert [group["weight_decay"] for group in decayed] == [0.1, 0.0]
    assert all(p.ndim > 1 for p in decayed[0]["params"])
    assert all(p.ndim == 1 for p in decayed[1]["params"])
