"""What quantized weights cost, judged: a warning with the way out, or a reason to stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WARN, STOP, DECISIONS = 0.05, 0.5, 0.01
"""Of a layer's largest value; of the decisions."""
SHOWN = 3


class LossWarning(UserWarning):
    """Quantized weights cost more than they should."""


@dataclass(frozen=True)
class Judgement:
    """Sentences on what quantized weights cost.

    Parameters
    ----------
    warnings
        What a user should know.
    refusals
        Why the network should not be used as it is.
    """

    warnings: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()


def share(layer: Mapping[str, float]) -> float:
    """The largest difference that quantized weights made in a layer, relative to its largest value."""
    return layer["difference"] / max(layer["largest"], 1e-9)


def judged(layers: Mapping[str, Mapping[str, float]], same_class: Mapping[str, float], bits: Mapping[str, int], data: bool) -> Judgement:
    """What to say of the losses.

    Parameters
    ----------
    layers
        By population, as the verification report has them.
    same_class
        By output, the share of equal decisions.
    bits
        By population with weights, how many they have.
    data
        Whether this was seen on the user's data; decisions on drawn inputs mean nothing.
    """
    where = "on the calibration data" if data else "on seeded inputs"
    costs = {name: share(layers[name]) for name in bits if name in layers}
    worst = sorted((name for name in costs if costs[name] > WARN), key=lambda name: -costs[name])
    warnings: list[str] = []
    refusals: list[str] = []
    if worst:
        remedy = " ".join(f"--weight-bits {name}={_finer(bits[name], costs[name])}" for name in worst[:SHOWN])
        listed = ", ".join(f"{100 * costs[name]:.1f} % at {name}" for name in worst[:SHOWN])
        more = f" (and {len(worst) - SHOWN} layers more)" if len(worst) > SHOWN else ""
        whole = f"--weight-bits {_finer(max(bits.values()), costs[worst[0]])}"
        text = f"quantized weights change layers by more than {100 * WARN:.0f} % of their largest value {where}: {listed}{more}"
        said = refusals if costs[worst[0]] > STOP else warnings
        said.append(f"{text}; give these layers more bits ({remedy}) or all of them ({whole})")
    for name, same in same_class.items() if data else ():
        if 1 - same > DECISIONS:
            finer = _finer(max(bits.values()), WARN)
            text = f"quantized weights change {100 - 100 * same:.1f} % of the decisions of output {name} {where}"
            warnings.append(f"{text}; give all layers more bits (--weight-bits {finer}), or those that lose most: see tfsnn inspect")
    return Judgement(tuple(warnings), tuple(refusals))


def _finer(bits: int, cost: float) -> int:
    """Bits that bring a cost below the warning: each one more halves it, four at least."""
    wanted = bits + 4
    while wanted < 16 and cost / 2 ** (wanted - bits) > WARN / 2:
        wanted += 1
    return min(wanted, 16)


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """What verification found, in words."""
    keras = report["keras"]
    if isinstance(keras, str):
        lines = [keras]
    else:
        lines = [f"against Keras, output {name}: at most {value:.0e} of its largest value" for name, value in keras.items()]
        compared = {name: layer["keras"] for name, layer in report["layers"].items() if "keras" in layer}
        if compared:
            worst_layer = max(compared, key=lambda name: compared[name])
            lines.append(f"against Keras, layer by layer: worst of {len(compared)} at {worst_layer}, at most {compared[worst_layer]:.0e}")
    worst = max(report["layers"], key=lambda name: share(report["layers"][name]))
    kind = "samples of the calibration data" if report.get("data") else "seeded inputs"
    where = f"{worst}, {100 * share(report['layers'][worst]):.1f} % of its largest value"
    lines.append(f"quantized weights against float: worst at {where}, on {report['samples']} {kind}")
    return lines
