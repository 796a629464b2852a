"""Recipes are found by name, and an unknown one is refused with those there are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tfsnn.errors import InputError
from tfsnn.train.recipes import RECIPES, Augmentation, Network, Steering, find

EVENTS = ("gesture_small", "gesture", "gesture_generated", "nmnist", "objects", "objects_within")
DRIVES = ("pilotnet", "pilotnet_slim", "pilotnet_small")


def test_names_are_those_inside() -> None:
    assert set(RECIPES) == {"digits", "mnist", "mnist_maxpool", "mnist_spike", "mnist_jetcas", "mnist_aicas", *EVENTS, *DRIVES}
    for name, recipe in RECIPES.items():
        assert find(name) is recipe and recipe.name == name


def test_maxpool_differs_in_nothing_but_pooling() -> None:
    average, maximum = find("mnist"), find("mnist_maxpool")
    assert isinstance(average.network, Network) and isinstance(maximum.network, Network)
    assert (average.network.pooling, maximum.network.pooling) == ("average", "max")
    assert average.network.filters == maximum.network.filters == (16, 8)
    assert average.augmentation == maximum.augmentation and average.epochs == maximum.epochs


def test_one_recipe_is_for_pixels_that_come_one_after_another() -> None:
    plain, spike = find("mnist"), find("mnist_spike")
    assert spike == replace(plain, name="mnist_spike", prefixes=2, takeback=1.0, whole_phase=0.7)
    assert not any(r.prefixes or r.takeback or r.whole_phase for name, r in RECIPES.items() if name != "mnist_spike")


def test_plain_recipes_train_for_accuracy_alone() -> None:
    average, maximum = find("mnist_jetcas"), find("mnist_aicas")
    chain = average.network
    assert isinstance(chain, Network)
    assert maximum == replace(average, name="mnist_aicas", network=replace(chain, pooling="max"), clipping=0.5)
    assert replace(chain, initializer=find("mnist").network.initializer) == find("mnist").network
    assert average.optimizer == "sgd" and average.augmentation == Augmentation()
    assert (average.sparsity, average.silenced, average.weight_decay, average.averaging) == (0.0, 0.0, 0.0, 0.0)


def test_the_network_of_the_paper() -> None:
    for name in ("gesture", "gesture_generated"):
        network = find(name).network
        assert isinstance(network, Network)
        assert (network.filters, network.kernel, network.hidden, network.pooling) == ((64, 128, 128), 7, 0, "average")
    assert [find(name).dataset for name in EVENTS] == list(EVENTS)


def test_recipes_of_drives_differ_in_size() -> None:
    """And the slim one begins gently, as it died on picar's small angles."""
    large, slim, small = (find(name) for name in DRIVES)
    assert isinstance(large.network, Steering) and large.network.hidden == (1164, 100, 50, 10)
    gently = replace(large, learning_rate=3e-4, warm_up=2.0, clipping=1.0)
    assert slim == replace(gently, name="pilotnet_slim", network=replace(large.network, hidden=(100, 50, 10)))
    assert (large.dataset, slim.dataset, small.dataset) == ("road", "road", "road_small")
    assert all(recipe.sparsity == recipe.silenced == 0 for recipe in (large, slim, small))


def test_unknown() -> None:
    with pytest.raises(InputError, match="recipe 'minst' is unknown; choose one of digits, mnist, mnist_maxpool, mnist_spike"):
        find("minst")
