"""Recipes are found by name, and an unknown one is refused with those there are."""

from __future__ import annotations

import pytest

from tfsnn.errors import InputError
from tfsnn.train.recipes import RECIPES, find


def test_names_are_those_inside() -> None:
    assert set(RECIPES) == {"digits", "mnist", "mnist_maxpool", "mnist_jetcas", "mnist_aicas"}
    for name, recipe in RECIPES.items():
        assert find(name) is recipe and recipe.name == name


def test_maxpool_differs_in_nothing_but_pooling() -> None:
    average, maximum = find("mnist"), find("mnist_maxpool")
    assert (average.network.pooling, maximum.network.pooling) == ("average", "max")
    assert average.network.filters == maximum.network.filters == (16, 8)
    assert average.augmentation == maximum.augmentation and average.epochs == maximum.epochs


def test_unknown() -> None:
    with pytest.raises(InputError, match="recipe 'minst' is unknown; choose one of digits, mnist, mnist_maxpool, mnist_jetcas"):
        find("minst")
