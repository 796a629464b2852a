"""The training loop: it learns, counts spikes as they are, keeps the average, and repeats itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tfsnn.encode import Encoder
from tfsnn.stage import set_seed
from tfsnn.train.fit import Trainer
from tfsnn.train.networks import build, fan_outs, neurons
from train_parts import SHAPE, bars, recipe

ENCODER = Encoder("delay", scale=1 / 255)
RECIPE = recipe("bars.npz")


def trainer(seed: int = 0, **changes: Any) -> Trainer:
    set_seed(seed, tensorflow=True)
    chosen = replace(RECIPE, **changes)
    return Trainer(build(chosen.network, SHAPE, 4), chosen, bars(160, 0), ENCODER, seed)


def fitted(seed: int = 0, **changes: Any) -> tuple[Trainer, list[float]]:
    result = trainer(seed, **changes)
    losses = [float(entropy) for _ in range(result.recipe.epochs) for entropy in result.epoch()]
    result.finish()
    return result, losses


def test_learns() -> None:
    result, losses = fitted(epochs=15)
    assert len(losses) == 150 and np.mean(losses[-10:]) < 0.5 * losses[0]
    assert result.score(bars(200, 7)).accuracy > 0.9


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_repeats_itself(pooling: str) -> None:
    network = replace(RECIPE.network, pooling=pooling)
    (first, a), (again, b), (_, c) = (fitted(seed, epochs=1, network=network) for seed in (5, 5, 6))
    assert a == b != c
    for weight, same in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)


def test_sparsity_makes_sparse() -> None:
    dense, sparse = (fitted(epochs=4, sparsity=sparsity, silenced=0.0)[0].score(bars(50, 7)) for sparsity in (0.0, 500.0))
    assert sparse.spikes_per_neuron < 0.8 * dense.spikes_per_neuron
    assert sparse.synaptic_operations < dense.synaptic_operations


def test_silencing_prepares_for_the_threshold() -> None:
    plain, prepared = (fitted(epochs=15, threshold=1.0, silenced=silenced, sparsity=0.0)[0] for silenced in (0.0, 0.8))
    assert prepared.score(bars(200, 7)).silenced_accuracy > plain.score(bars(200, 7)).silenced_accuracy


def test_score_counts_what_is_told() -> None:
    result, split = trainer(), bars(9, 4)
    score = result.score(split)
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
