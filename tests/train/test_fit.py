"""The training loop: it learns, counts spikes as they are, keeps the average, and repeats itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.train_parts import SHAPE, bars, drives, recipe, steering_recipe
from tfsnn.input.dataset import Split
from tfsnn.input.encoder import Encoder
from tfsnn.stage.provenance import set_seed
from tfsnn.train.arrivals import prefixes, taken_back, time_table
from tfsnn.train.fit import Error, Score, Trainer
from tfsnn.train.networks import build, fan_outs, forward, neurons
from tfsnn.train.recipes import Network

ENCODER = Encoder("delay", scale=1 / 255)
RECIPE = recipe("bars.npz")
assert isinstance(RECIPE.network, Network)
CHAIN = RECIPE.network


def trainer(seed: int = 0, **changes: Any) -> Trainer:
    set_seed(seed, tensorflow=True)
    chosen = replace(RECIPE, **changes)
    return Trainer(build(chosen.network, SHAPE, 4), chosen, bars(160, 0), ENCODER, seed)


def scored(trained: Trainer, split: Split) -> Score:
    found = trained.score(split)
    assert isinstance(found, Score)
    return found


def fitted(seed: int = 0, **changes: Any) -> tuple[Trainer, list[float]]:
    result = trainer(seed, **changes)
    losses = [float(entropy) for _ in range(result.recipe.epochs) for entropy in result.epoch()]
    result.finish()
    return result, losses


def test_learns() -> None:
    result, losses = fitted(epochs=15)
    assert len(losses) == 150 and np.mean(losses[-10:]) < 0.5 * losses[0]
    assert scored(result, bars(200, 7)).accuracy > 0.9


def test_learns_a_number() -> None:
    set_seed(0, tensorflow=True)
    chosen = replace(steering_recipe("drives.npz"), epochs=12)
    result = Trainer(build(chosen.network, (9, 11, 3), 1), chosen, drives(160, 0), Encoder("delta", scale=1 / 255), 0)
    losses = [float(missed) for _ in range(12) for missed in result.epoch()]
    result.finish()
    test = drives(200, 7)
    score = result.score(test)
    assert isinstance(score, Error) and np.mean(losses[-10:]) < 0.3 * losses[0] and score.rmse < 0.15
    answers = result.model(test.x.astype(np.float32) / 255).numpy()[:, 0]
    assert score.rmse == pytest.approx(float(np.sqrt(np.mean((answers - test.y) ** 2))), rel=1e-4)
    # Where neurons keep changes to themselves, it is another number.
    assert score.silenced_rmse != score.rmse and score.spikes_per_neuron > 0


@pytest.mark.parametrize("warm_up", [0.5, 2.0])
def test_the_rate_rises_and_falls(warm_up: float) -> None:
    result = trainer(epochs=4, learning_rate=0.1, warm_up=warm_up)
    rates = [float(result.optimizer.learning_rate)]
    for _ in range(result.recipe.epochs):
        for _ in result.epoch():
            rates.append(float(result.optimizer.learning_rate))
    top = round(warm_up * result.steps)
    assert int(np.argmax(rates)) == top and rates[top] == pytest.approx(0.1) and rates[0] == pytest.approx(0.005)
    assert rates[-1] < 0.005


def test_plain_gradient_descent_learns() -> None:
    result, losses = fitted(epochs=15, optimizer="sgd", learning_rate=0.05, weight_decay=0.0, averaging=0.0, sparsity=0.0, silenced=0.0)
    assert np.mean(losses[-10:]) < 0.5 * losses[0]
    assert scored(result, bars(200, 7)).accuracy > 0.9
    for weight, mean in zip(result.weights, result.average, strict=True):
        np.testing.assert_array_equal(weight, mean)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_decay_is_of_weights_and_not_of_biases(optimizer: str) -> None:
    ends = []
    for decay in (0.0, 0.5):
        result = trainer(optimizer=optimizer, weight_decay=decay)
        for weight in result.weights:
            weight.assign(weight + 0.5)
        # With nothing to learn from, decay alone moves anything.
        result.optimizer.apply_gradients([(0 * weight, weight) for weight in result.weights])
        ends.append([weight.numpy() for weight in result.weights])
    rate = result.recipe.learning_rate / 20
    for weight, without, decayed in zip(result.weights, *ends, strict=True):
        factor = 1.0 if "bias" in weight.path else 1 - 0.5 * rate
        np.testing.assert_allclose(decayed, without * factor, rtol=1e-5)


def test_momentum_of_gradient_descent() -> None:
    result = trainer(optimizer="sgd", weight_decay=0.0, learning_rate=1.0)
    weight, start = result.weights[-1], result.weights[-1].numpy()
    rates = []
    for _ in range(2):
        rates.append(float(result.optimizer.learning_rate))
        result.optimizer.apply_gradients([(0 * other if other is not weight else 0 * other + 1, other) for other in result.weights])
    np.testing.assert_allclose(start - weight.numpy(), rates[0] * 1.9 + rates[1], rtol=1e-5)


@pytest.mark.parametrize(("clipping", "norm"), [(0.0, 5.0), (10.0, 5.0), (0.5, 0.5)])
def test_clipping_is_of_all_weights_together(clipping: float, norm: float) -> None:
    result = trainer(optimizer="sgd", weight_decay=0.0, learning_rate=1.0, clipping=clipping)
    (first, last), rate = (result.weights[0], result.weights[-1]), float(result.optimizer.learning_rate)
    before = first.numpy(), last.numpy()
    # Two gradients of one entry each, 3 and 4: together of norm 5.
    pushed = {first.path: 3.0, last.path: 4.0}
    steps = [np.zeros(weight.shape, np.float32) for weight in result.weights]
    for step, weight in zip(steps, result.weights, strict=True):
        step.flat[0] = pushed.get(weight.path, 0.0)
    result.optimizer.apply_gradients(zip(steps, result.weights, strict=True))
    moved = [float((old - weight.numpy()).flat[0]) for old, weight in zip(before, (first, last), strict=True)]
    np.testing.assert_allclose(moved, [rate * norm * 0.6, rate * norm * 0.8], rtol=1e-4)


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_repeats_itself(pooling: str) -> None:
    network = replace(CHAIN, pooling=pooling)
    (first, a), (again, b), (_, c) = (fitted(seed, epochs=1, network=network) for seed in (5, 5, 6))
    assert a == b != c
    for weight, same in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)


def test_sparsity_makes_sparse() -> None:
    dense, sparse = (fitted(epochs=4, sparsity=sparsity, silenced=0.0)[0].score(bars(50, 7)) for sparsity in (0.0, 500.0))
    assert sparse.spikes_per_neuron < 0.8 * dense.spikes_per_neuron
    assert sparse.synaptic_operations < dense.synaptic_operations


def test_prefixes_leave_the_rest_of_the_loss_as_it_is() -> None:
    network = replace(CHAIN, dropout=0.0)
    (plain, losses), (seen, same), (pressed, other) = (
        fitted(network=network, prefixes=count, takeback=takeback) for count, takeback in ((0, 0.0), (2, 0.0), (2, 50.0))
    )
    np.testing.assert_allclose(losses, same, rtol=1e-3)
    for weight, again in zip(plain.weights, seen.weights, strict=True):
        np.testing.assert_allclose(weight, again, atol=1e-3)
    assert np.abs(plain.weights[0].numpy() - pressed.weights[0].numpy()).max() > 1e-2
    assert losses[0] == pytest.approx(other[0]) and losses[-1] != pytest.approx(other[-1])


def test_prefixes_come_after_the_whole_phase() -> None:
    network = replace(CHAIN, dropout=0.0)
    (_, plain), (_, late) = (fitted(epochs=4, network=network, prefixes=count, takeback=5000.0, whole_phase=0.5) for count in (0, 2))
    # The first step with prefixes still has the weights of those without.
    assert plain[:21] == pytest.approx(late[:21], rel=1e-3) and plain[-1] != pytest.approx(late[-1], rel=1e-3)


def test_less_is_taken_back() -> None:
    split = bars(50, 7)
    begun = prefixes(ENCODER.frames(split.x), time_table(ENCODER, 256)[split.x], 3, [1, 2])
    frames, counts = np.concatenate([begun, ENCODER.frames(split.x)]), []
    for takeback in (0.0, 5000.0):
        result, _ = fitted(epochs=8, silenced=0.0, prefixes=2, takeback=takeback)
        found = forward(result.model, frames, np.zeros(len(frames), np.float32))
        parts = [np.split(changes.numpy(), 4) for changes in found.changes]
        said = [taken_back(early, whole).numpy().sum() for *early, whole in parts]
        counts.append(np.dot(said, fan_outs(result.model)[1:]))
    assert 0 < counts[1] < 0.7 * counts[0]


def test_silencing_prepares_for_the_threshold() -> None:
    plain, prepared = (fitted(epochs=15, threshold=1.0, silenced=silenced, sparsity=0.0)[0] for silenced in (0.0, 0.8))
    assert scored(prepared, bars(200, 7)).silenced_accuracy > scored(plain, bars(200, 7)).silenced_accuracy


def test_score_counts_what_is_told() -> None:
    result, split = trainer(), bars(9, 4)
    score = scored(result, split)
    frames = ENCODER.frames(split.x)
    conv, pool, flatten, dense, _, output = result.model.layers
    events, x, rest = [np.count_nonzero(frames)], frames, np.zeros_like(frames[:1])
    for layers in ((conv,), (pool, flatten, dense)):
        for layer in layers:
            x, rest = layer(x).numpy(), layer(rest).numpy()
        change = np.where(np.abs(x - rest) >= RECIPE.threshold, x - rest, 0)
        x = rest + change
        events.append(np.count_nonzero(change))
    assert score.spikes_per_neuron == pytest.approx(sum(events[1:]) / 9 / neurons(result.model))
    assert score.synaptic_operations == pytest.approx(np.dot(events, fan_outs(result.model)) / 9)
    assert score.silenced_accuracy == pytest.approx(np.mean(output(x).numpy().argmax(1) == split.y))
    assert score.accuracy == pytest.approx(np.mean(result.model(frames).numpy().argmax(1) == split.y))


def test_average_comes_and_goes() -> None:
    result = trainer(averaging=0.99)
    for _ in result.epoch():
        pass
    own = [weight.numpy() for weight in result.weights]
    with result.averaged():
        inside = [weight.numpy() for weight in result.weights]
    for weight, before, average, mean in zip(result.weights, own, inside, result.average, strict=True):
        np.testing.assert_array_equal(weight, before)
        np.testing.assert_array_equal(average, mean)
        assert np.abs(before - average).max() > 0


def test_average_is_the_one_of_the_formula() -> None:
    result = trainer()
    means = [weight.numpy() for weight in result.weights]
    for step, _ in enumerate(result.epoch(), 1):
        decay = min(RECIPE.averaging, (1 + step) / (10 + step))
        means = [decay * mean + (1 - decay) * weight.numpy() for mean, weight in zip(means, result.weights, strict=True)]
    for mean, expected in zip(result.average, means, strict=True):
        np.testing.assert_allclose(mean, expected, atol=1e-5)
