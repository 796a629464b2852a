"""The picture of a training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def training_curves(report: Mapping[str, Any], path: Path) -> None:
    """Loss, error and activity per epoch, with the error on the test set as a line.

    Parameters
    ----------
    report
        What ``train.json`` holds.
    path
        Where the picture goes, .png.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

    history, test = report["history"], report["test"]
    epochs = range(1, len(history["loss"]) + 1)
    figure = Figure(figsize=(13, 4), layout="constrained")
    FigureCanvasAgg(figure)
    loss, error, activity = figure.subplots(1, 3)
    mark = "o" if len(epochs) < 8 else ""

    numbers = "rmse" in test
    measure, title = ("rmse", "Error") if numbers else ("accuracy", "Classification error")
    loss.plot(epochs, history["loss"], marker=mark, color="tab:gray", label="training, augmented, with dropout")
    loss.set(title="Loss", ylabel="mean squared error" if numbers else "cross entropy")

    error.plot(epochs, _errors(history[measure], numbers), marker=mark, color="tab:blue", label="validation")
    silenced = f"validation, only changes of {report['recipe']['threshold']:g} or more sent"
    error.plot(epochs, _errors(history[f"silenced_{measure}"], numbers), marker=mark, color="tab:orange", label=silenced)
    (final,) = _errors([test[measure]], numbers)
    shown = f"{final:.4f}" if numbers else f"{100 * (1 - test[measure]):.2f} %"
    error.axhline(final, color="black", linestyle="--", linewidth=1, label=f"test, at the end: {shown}")
    error.set(title=title, ylabel="root mean squared error" if numbers else "wrong answers (%)")
    for axes in (loss, error):
        values = [float(value) for line in axes.lines for value in line.get_ydata()]
        axes.set_ylim(min(values) / 1.3, max(values) * 1.3)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.yaxis.set_minor_formatter(NullFormatter())

    activity.plot(epochs, history["spikes_per_neuron"], marker=mark, color="tab:green", label="validation, estimate")
    activity.set(title="Activity", ylabel="spikes per neuron and image")
    activity.set_ylim(0, 1.1 * max(history["spikes_per_neuron"]) or 1)

    for axes in (loss, error, activity):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small", frameon=False, loc="lower right" if axes is activity else "upper right")
    end = f"rmse {test['rmse']:.4f} on the test set" if numbers else f"{100 * test['accuracy']:.2f} % of the test set right"
    figure.suptitle(f"{report['recipe']['name']}: {end}", fontsize="medium")
    figure.savefig(path, dpi=120)


def _errors(values: list[float], numbers: bool) -> list[float]:
    # An error of nought has no place on a logarithmic axis.
    return [max(value, 1e-6) for value in values] if numbers else [max(100 * (1 - accuracy), 0.01) for accuracy in values]
