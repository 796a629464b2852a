"""Settings are read with distrust: what does not fit is refused with the layer, the setting, the value and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from tfsnn.convert.lower.builder import Builder
from tfsnn.convert.lower.call import LayerCall
from tfsnn.convert.read.records import Config, LayerRecord
from tfsnn.errors import ConversionError


def call(class_name: str = "Conv2D", constants: dict[str, Any] | None = None, **config: Any) -> LayerCall:
    return LayerCall(Builder(), LayerRecord("name", class_name, Config(config)), constants or {}, {})


def test_settings_in_every_notation() -> None:
    assert call(size=3).pair("size") == (3, 3) == call(size=[3, 3]).pair("size")
    assert call("Conv1D", size=3).pair("size") == (3, 1) == call("Conv1D", size=(3,)).pair("size")
    assert call().pair("size", 2) == (2, 2)
    assert call(n=4).whole("n") == 4 and call().whole("n", 7) == 7
    assert call(x=None).number("x", 0.5) == 0.5 and call(x=2).number("x", 0.5) == 2.0
    array = {"class_name": "__numpy__", "config": {"value": [[1.0, 2.0]], "dtype": "float64"}}
    assert call().values(array, "it").tolist() == [[1.0, 2.0]] and call().values(3, "it").shape == ()


def test_operands() -> None:
    tensor = {"class_name": "__keras_tensor__", "config": {}}
    assert [(at, v.tolist()) for at, v in call(constants={"1": 2.0}).operands()] == [(1, 2.0)]
    assert [(at, v.tolist()) for at, v in call(constants={"x2": (2.0, 3.0)}).operands()] == [(1, [2.0, 3.0])]
    assert [(at, v.tolist()) for at, v in call(constants={"0": (5.0, tensor)}).operands()] == [(0, 5.0)]
    assert [(at, v.tolist()) for at, v in call(constants={"0": (tensor, 5.0)}).operands()] == [(1, 5.0)]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: call(n=-1).whole("n"), r"layer 'name' \(Conv2D\): n is -1; expected a whole number from 1 on"),
        (lambda: call(n=True).whole("n"), "n is True; expected a whole number"),
        (lambda: call(n=1 << 30).whole("n"), "n is 1073741824"),
        (lambda: call(n="3").number("n", 1.0), "n is '3'; expected a number"),
        (lambda: call(n=float("inf")).number("n", 1.0), "n is inf; expected a number"),
        (lambda: call(n=(1, 2, 3)).pair("n"), r"n is \(1, 2, 3\); expected one or two whole numbers from 1 on"),
        (lambda: call("Conv1D", n=(1, 2)).pair("n"), r"n is \(1, 2\); expected one whole number from 1 on"),
        (lambda: call(n="b").only("n", ("a", None), "a"), "n is 'b'; only 'a' can be converted"),
        (lambda: call().weight("kernel", "other"), "no weight 'kernel' in the file; save the model again with its weights"),
        (lambda: call().values([1, [2, 3]], "scale"), r"scale is '\[1, \[2, 3\]\]'; expected numbers"),
        (lambda: call().values([], "scale"), r"scale is '\[\]'; expected numbers"),
        (lambda: call(constants={"mask": 1}).operands(), "an argument mask = 1; tfsnn does not know what it changes"),
    ],
)
def test_refusals(ask: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        ask()
