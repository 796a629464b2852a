"""Which recorded weight is which: by exact recorded name, else by the order that Keras defines, never by guessing.

A file records the weights of one outer layer as a list of names. For a plain layer the last part of the name is the
role (`conv/kernel:0`, Keras 1: `conv_W`). For a nested model the list runs over the layers inside: first all weights
that train, then all that do not, each in the order of the layers. There a full path decides where the file has one
(Keras 3), else that order, and every name that is readable must agree with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .operations import PREFIX

_ROLES_1 = {
    "W": "kernel",
    "b": "bias",
    "running_mean": "moving_mean",
    # Keras 1 kept the variance under this name.
    "running_std": "moving_variance",
    "alphas": "alpha",
}
_KERNEL = (
    *("Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D"),
    *("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
)
_DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")
_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
_NORMS = ("LayerNormalization", "GroupNormalization")
_KNOWN = frozenset(
    "kernel bias depthwise_kernel pointwise_kernel gamma beta moving_mean moving_variance "
    "alpha mean variance count embeddings".split()
)
_WEIGHTLESS = frozenset(
    "InputLayer Activation ReLU LeakyReLU ELU ThresholdedReLU Softmax Flatten Reshape Permute RepeatVector Masking "
    "Lambda Add Subtract Multiply Average Maximum Minimum Concatenate Dot Merge Rescaling Resizing CenterCrop Identity "
    "ZeroPadding1D ZeroPadding2D ZeroPadding3D Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D UpSampling3D "
    "MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D "
    "GlobalMaxPooling1D GlobalMaxPooling2D GlobalAveragePooling1D GlobalAveragePooling2D "
    "ActivityRegularization".split()
)
# Where Keras 3 and tf.keras differ in the name of the same weight.
_SAME = {("depthwise_kernel", "kernel")}


@dataclass(frozen=True)
class Owner:
    """A layer that may own weights: its path below the recorded group, class and settings in Keras 3 terms."""

    path: tuple[str, ...]
    class_name: str
    config: Mapping[str, Any]
    trainable: bool


def roles(class_name: str, config: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the roles of a layer's weights in the order in which Keras makes them; None for an unknown class."""
    own, activation = _own_roles(class_name, config), config.get("activation")
    # An activation may be a layer with weights of its own.
    leans = isinstance(activation, dict) and activation.get("class_name") == "PReLU"
    return (*own, "alpha") if own is not None and leans else own


def _own_roles(class_name: str, config: Mapping[str, Any]) -> tuple[str, ...] | None:
    bias = ("bias",) if config.get("use_bias", True) else ()
    if class_name in _KERNEL:
        return ("kernel", *bias)
    if class_name in _DEPTHWISE:
        return ("depthwise_kernel", *bias)
    if class_name in _SEPARABLE:
        return ("depthwise_kernel", "pointwise_kernel", *bias)
    if class_name == "BatchNormalization" or class_name in _NORMS:
        gamma = ("gamma",) if config.get("scale", True) else ()
        beta = ("beta",) if config.get("center", True) else ()
        return (*gamma, *beta, *(("moving_mean", "moving_variance") if class_name == "BatchNormalization" else ()))
    if class_name == "PReLU":
        return ("alpha",)
    if class_name == "Embedding":
        return ("embeddings",)
    if class_name == "Normalization":
        return () if config.get("mean") is not None else ("mean", "variance", "count")
    return () if class_name in _WEIGHTLESS or class_name.startswith(PREFIX) else None


def assigned(owners: Sequence[Owner], names: Sequence[str]) -> dict[tuple[str, ...], dict[str, int]] | str:
    """Return for each owner the place in `names` of each of its roles, or a text that says what does not fit."""
    if len(owners) == 1 and roles(owners[0].class_name, owners[0].config) is None:
        return {owners[0].path: _by_recorded_name(names)}
    expected = [(owner, role) for owner in owners for role in roles(owner.class_name, owner.config) or ()]
    unknown = sorted({owner.class_name for owner in owners if roles(owner.class_name, owner.config) is None})
    found = _by_path(expected, names, bool(unknown))
    if found is not None:
        return found
    if unknown:
        return f"found weights of unknown layers ({', '.join(unknown)}) inside a nested model, expected layers of Keras"
    if len(expected) != len(names):
        listed = ", ".join(names[:6]) or "none"
        wanted = ", ".join(role for _, role in expected[:6]) or "none"
        return f"found {len(names)} weights ({listed}), expected {len(expected)} ({wanted})"
    for order in (_training_first(expected), expected):
        if all(_agrees(name, owner, role) for name, (owner, role) in zip(names, order)):
            result: dict[tuple[str, ...], dict[str, int]] = {owner.path: {} for owner in owners}
            for place, (owner, role) in enumerate(order):
                result[owner.path][role] = place
            return result
    wanted = ", ".join(role for _, role in expected[:6])
    return f"found the weights {', '.join(names[:6])}, expected {wanted} in this order"


def _training_first(expected: list[tuple[Owner, str]]) -> list[tuple[Owner, str]]:
    still = ("moving_mean", "moving_variance", "mean", "variance", "count")
    return sorted(expected, key=lambda item: not item[0].trainable or item[1] in still)


def _by_path(
    expected: list[tuple[Owner, str]], names: Sequence[str], more: bool
) -> dict[tuple[str, ...], dict[str, int]] | None:
    """Assign by full path where every expected weight has exactly one name; `more`: there may be others besides."""
    wanted = {(*owner.path, role): (owner, role) for owner, role in expected}
    result: dict[tuple[str, ...], dict[str, int]] = {owner.path: {} for owner, _ in expected}
    count = 0
    for place, name in enumerate(names):
        *parts, last = name.split("/")
        for start in range(len(parts)):
            owner, role = wanted.get((*parts[start:], last.split(":")[0]), (None, ""))
            if owner is not None and role not in result[owner.path]:
                result[owner.path][role] = place
                count += 1
                break
    return result if count == len(expected) and (more or count == len(names)) and count else None


def _agrees(name: str, owner: Owner, role: str) -> bool:
    """Return whether a recorded name is that role, or says nothing."""
    found = _role(name, owner.path[-1])
    return found is None or found == role or (role, found) in _SAME


def _role(name: str, layer: str) -> str | None:
    last = name.split("/")[-1].split(":")[0]
    last = last[len(layer) + 1 :] if last.startswith(f"{layer}_") else last
    last = _ROLES_1.get(last, last)
    return last if last in _KNOWN else None


def _by_recorded_name(names: Sequence[str]) -> dict[str, int]:
    """Return the weights of a class that is not known under the shortest ends of their names that differ."""
    parts = [name.split(":")[0].split("/") for name in names]
    for length in range(1, max((len(part) for part in parts), default=1) + 1):
        short = ["/".join(part[-length:]) for part in parts]
        if len(set(short)) == len(short):
            return {name: place for place, name in enumerate(short)}
    return {f"{name} ({place})": place for place, name in enumerate(names)}
