"""Evaluation: net.snn.h5 and spike streams become a report: accuracy against operations.

From Python ``tfsnn.evaluate(net, data="mnist", out="report")`` takes what the command takes; ``help(tfsnn.evaluate.evaluate)``
lists it.
"""

from __future__ import annotations

from tfsnn.stage.package import make_callable

make_callable(__name__, "pipeline")
