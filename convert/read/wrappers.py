"""Layers that hold another layer, as one layer: what is wrapped for training only is unwrapped; and adapters of LoRA.

    PruneLowMagnitude(layer)    the layer; its mask is multiplied into the kernel, as the wrapper does at every call
    TimeDistributed(layer)      stays, since it says how the layer is called; its weights are those of the layer
    lora_rank                   kernel + (lora_alpha / lora_rank) lora_kernel_a lora_kernel_b, as the layer computes it
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .records import Weight
from .source import Named

_OF_PRUNING = ("mask", "threshold", "pruning_step")
_ADAPTERS = ("lora_kernel_a", "lora_kernel_b")


def inner_layer(config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """Return class and settings of the layer that a wrapper holds; None if it holds none."""
    layer = config.get("layer")
    if not isinstance(layer, dict) or not isinstance(layer.get("class_name"), str) or not isinstance(layer.get("config"), dict):
        return None
    return layer["class_name"], layer["config"]


def unwrapped(class_name: str, config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return class and settings without wrappers of training."""
    inner = inner_layer(config) if class_name == "PruneLowMagnitude" else None
    return (class_name, config) if inner is None else (inner[0], {**inner[1], "name": config.get("name")})


def quantized_by_keras(config: Mapping[str, Any]) -> str:
    """Return how `model.quantize()` has quantized a layer, "int8"; empty if it has not."""
    policy = config.get("dtype")
    if isinstance(policy, dict) and str(policy.get("class_name")).startswith("Quantized"):
        inside = policy.get("config")
        return str(inside.get("mode") or "int8")[:20] if isinstance(inside, dict) else "int8"
    return policy.partition("_from_")[0][:20] if isinstance(policy, str) and "_from_" in policy else ""


def own_weights(found: Named) -> tuple[Named, Named]:
    """Return the weights of the layers themselves, and those that training or LoRA put beside them."""
    beside = tuple(item for item in found if _last(item[0]) in (*_OF_PRUNING, *_ADAPTERS))
    return tuple(item for item in found if not any(item is other for other in beside)), beside


def applied(weights: dict[str, Weight], beside: Named, config: Mapping[str, Any]) -> dict[str, Weight] | None:
    """Return a layer's weights with what lies beside them: the mask of pruning, the product of LoRA; None if that does not fit."""
    extra = {_last(name): np.asarray(value, np.float32) for name, value in beside}
    kernel, mask = weights.get("kernel"), extra.get("mask")
    if kernel is not None and mask is not None and mask.shape == kernel.shape:
        weights = {**weights, "kernel": kernel * mask}
    if not any(name in extra for name in _ADAPTERS):
        return weights
    rank = config.get("lora_rank")
    alpha = config.get("lora_alpha") or rank
    if kernel is None or type(rank) is not int or rank < 1 or not isinstance(alpha, (int, float)) or len(extra.keys() & {*_ADAPTERS}) < 2:
        return None
    first, second = (extra[name] for name in _ADAPTERS)
    if first.shape != (*kernel.shape[:-1], rank) or second.shape != (rank, kernel.shape[-1]):
        return None
    product = (first.astype(np.float64) @ second.astype(np.float64)) * (alpha / rank)
    return {**weights, "kernel": (weights["kernel"] + product).astype(np.float32)}


def _last(name: str) -> str:
    return name.rpartition("/")[2].partition(":")[0]
