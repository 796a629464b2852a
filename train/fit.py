"""The training loop: a rate that warms up and decays, a loss that counts spikes; the model is the running average of the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tfsnn.aliases import Array, Floats
from tfsnn.input.dataset import Split
from tfsnn.input.encoder import Encoder

from .arrivals import prefixes, taken_back, time_table
from .augment import augment, encode, frame_table
from .networks import ForwardPass, fan_outs, forward, neurons, operations
from .recipes import Recipe, Steering

# Images per step where nothing is learned.
CHUNK = 500


@dataclass(frozen=True)
class Score:
    """How a classifier does on a split: as it is, and where neurons send only changes that reach the recipe's threshold.

    Parameters
    ----------
    accuracy, silenced_accuracy
        Shares of right answers.
    spikes_per_neuron, synaptic_operations
        Per image, if its input comes in one time bin; border taps counted as if they were inside.
    """

    accuracy: float
    silenced_accuracy: float
    spikes_per_neuron: float
    synaptic_operations: float


@dataclass(frozen=True)
class Error:
    """How a model that gives a number does on a split, likewise.

    Parameters
    ----------
    rmse, silenced_rmse
        Root mean squared errors.
    spikes_per_neuron, synaptic_operations
        As of :class:`Score`.
    """

    rmse: float
    silenced_rmse: float
    spikes_per_neuron: float
    synaptic_operations: float


class Trainer:
    """A model in training, its optimizer, and the running average of its weights.

    Parameters
    ----------
    model
        Its weights become the average when :meth:`finish` is called.
    recipe
        What to do.
    images
        The training images, raw, and their labels.
    encoder
        Turns them into frames.
    seed
        Of everything that is drawn.
    """

    def __init__(self, model: Any, recipe: Recipe, images: Split, encoder: Encoder, seed: int) -> None:
        import tensorflow as tf

        self.model, self.recipe, self.seed = model, recipe, seed
        self.numbers = isinstance(recipe.network, Steering)
        self.x, self.y = tf.constant(images.x), tf.constant(images.y)
        self.encoder, self.table = encoder, frame_table(encoder, images.x)
        self.times = time_table(encoder, len(self.table)) if recipe.prefixes else None
        self.steps = max(1, len(images.y) // recipe.batch)
        self.weights = model.trainable_variables
        self.average = [tf.Variable(weight) for weight in self.weights]
        self.optimizer = self._optimizer()
        self.order = np.random.default_rng(seed)
        self.done = 0
        self._step: Callable[..., Any] = tf.function(self._update)
        self._run: Callable[..., ForwardPass] = tf.function(partial(forward, model), reduce_retracing=True)

    def epoch(self) -> Iterator[Any]:
        """One pass over the images in a new order; yields the cross entropy, or the squared error, of every step."""
        import tensorflow as tf

        recipe, batch = self.recipe, self.recipe.batch
        order = self.order.permutation(len(self.y)).astype(np.int32)
        share = self.done / self.steps / recipe.epochs
        sparsity = recipe.sparsity * min(1.0, (share + 0.5 / recipe.epochs) / max(2 * recipe.dense_phase, 1e-9))
        silenced = recipe.silenced if share >= recipe.dense_phase else 0.0
        begun = recipe.prefixes if share >= recipe.whole_phase else 0
        for i in range(self.steps):
            self.done += 1
            decay = min(recipe.averaging, (1 + self.done) / (10 + self.done))
            chosen = tf.constant(order[i * batch : (i + 1) * batch])
            seed = tf.constant([self.seed % (1 << 31), self.done], tf.int32)
            yield self._step(begun, chosen, seed, *(tf.constant(value, tf.float32) for value in (sparsity, silenced, decay)))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The model with the average for its weights, for as long as the block runs."""
        own = [weight.numpy() for weight in self.weights]
        self.finish()
        try:
            yield
        finally:
            for weight, value in zip(self.weights, own, strict=True):
                weight.assign(value)

    def finish(self) -> None:
        """Give the model the average for its weights."""
        for weight, mean in zip(self.weights, self.average, strict=True):
            weight.assign(mean)

    def score(self, split: Split) -> Score | Error:
        """How the model does on raw images and their labels.

        Parameters
        ----------
        split
            The images; :meth:`averaged` or :meth:`finish` say with which weights.
        """
        import tensorflow as tf

        found, spikes, cost, n = [0.0, 0.0], 0, 0, len(split.y)
        for start in range(0, n, CHUNK):
            frames = self.encoder.frames(split.x[start : start + CHUNK])
            labels = split.y[start : start + CHUNK]
            zeros = tf.zeros(len(labels))
            runs = [self._run(tf.constant(frames), zeros + threshold) for threshold in (0.0, self.recipe.threshold)]
            found = [total + self._found(run.logits.numpy(), labels) for total, run in zip(found, runs)]
            counts = [int(np.count_nonzero(part)) for part in (frames, *runs[1].spikes)]
            spikes += sum(counts[1:])
            cost += operations(self.model, counts)
        kind, (plain, silenced) = (Error, np.sqrt(found)) if self.numbers else (Score, found)
        scale = np.sqrt(n) if self.numbers else n
        return kind(float(plain / scale), float(silenced / scale), spikes / n / neurons(self.model), cost / n)

    def _found(self, logits: Floats, labels: Array) -> float:
        """Right answers, or the sum of squared errors."""
        if self.numbers:
            return float(np.sum((np.tanh(logits[:, 0], dtype=np.float64) - labels) ** 2))
        return float((logits.argmax(1) == labels).sum())

    def _optimizer(self) -> Any:
        from keras import optimizers

        recipe, total = self.recipe, self.steps * self.recipe.epochs
        warm = max(1, int(self.steps * recipe.warm_up))
        rate = optimizers.schedules.CosineDecay(
            recipe.learning_rate / 20, max(1, total - warm), alpha=0.005, warmup_target=recipe.learning_rate, warmup_steps=warm
        )
        kinds = {"adamw": partial(optimizers.AdamW, beta_2=0.99), "sgd": partial(optimizers.SGD, momentum=0.9)}
        optimizer = kinds[recipe.optimizer](rate, weight_decay=recipe.weight_decay, global_clipnorm=recipe.clipping or None)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        optimizer.build(self.weights)
        return optimizer

    def _update(self, begun: int, chosen: Any, seed: Any, sparsity: Any, silenced: Any, decay: Any) -> Any:
        import tensorflow as tf

        recipe = self.recipe
        seeds = tf.random.split(seed, 3)
        images = augment(tf.cast(tf.gather(self.x, chosen), tf.float32), seeds[0], recipe.augmentation)
        frames = encode(images, self.table)
        low, high = (recipe.threshold * factor for factor in recipe.spread)
        affected = tf.cast(tf.random.stateless_uniform(tf.shape(chosen), seeds[1]) < silenced, tf.float32)
        thresholds = affected * tf.random.stateless_uniform(tf.shape(chosen), seeds[2], low, high)
        if begun:
            early = prefixes(frames, encode(images, self.times), begun, tf.random.fold_in(seed, begun))
            frames, thresholds = tf.concat([early, frames], 0), tf.tile(thresholds, [1 + begun])
        with tf.GradientTape() as tape:
            outcome = forward(self.model, frames, thresholds, training=True)
            missed = self._missed(outcome, tf.gather(self.y, chosen))
            loss = missed + sparsity * self._activity(outcome, 1 + begun)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.weights), self.weights, strict=True))
        for mean, weight in zip(self.average, self.weights, strict=True):
            mean.assign(mean * decay + weight * (1 - decay))
        return missed

    def _missed(self, outcome: ForwardPass, labels: Any) -> Any:
        import tensorflow as tf

        # Of whole images: they come behind all prefixes.
        logits = outcome.logits[-tf.shape(labels)[0] :]
        if self.numbers:
            return tf.reduce_mean((tf.tanh(logits[:, 0]) - labels) ** 2)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))

    def _activity(self, outcome: ForwardPass, parts: int) -> Any:
        """The sum of the module :mod:`.recipes` per image, in units of 100,000; the images are the last of so many equal parts."""
        import tensorflow as tf

        threshold, total = self.recipe.threshold, 0.0
        for fan, changes in zip(fan_outs(self.model)[1:], outcome.changes, strict=True):
            *early, whole = tf.split(changes, parts)
            total += fan * tf.reduce_sum(tf.minimum(tf.abs(whole) / threshold, 1.0))
            if early:
                total += fan * self.recipe.takeback * tf.reduce_sum(taken_back(early, whole)) / threshold
        return total * parts / tf.cast(tf.shape(outcome.logits)[0], tf.float32) / 100_000
