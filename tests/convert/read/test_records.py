"""Records remember which settings were asked for."""

from __future__ import annotations

import pytest

from tfsnn.convert.read.records import HARMLESS, Config, LayerRecord
from tfsnn.errors import ConversionError


def test_unread_settings_are_named() -> None:
    config = Config({"name": "c", "strides": (2, 2), "padding": "same", "groups": 2, "dilation_rate": None})
    layer = LayerRecord("c", "Conv2D", config)
    assert layer.unread() == ("groups", "padding", "strides")
    assert layer.take("strides") == (2, 2)
    assert layer.take("padding", "valid") == "same"
    assert layer.unread() == ("groups",)
    assert layer.take("absent", 7) == 7
    assert config["groups"] == 2 and layer.unread() == ("groups",)


def test_a_missing_setting_is_an_error() -> None:
    layer = LayerRecord("a/b", "Dense", Config({}))
    with pytest.raises(ConversionError, match=r"layer 'a/b' \(Dense\): found no setting 'units', expected one; save"):
        layer.take("units")


def test_what_a_layer_computes_is_never_harmless() -> None:
    meaningful = set("strides padding activation groups dilation_rate data_format axis epsilon training mode".split())
    assert not HARMLESS & meaningful
