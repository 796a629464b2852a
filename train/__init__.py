"""Training: a recipe and a data set become model.h5.

Rule: a recipe is plain values; nothing that decides a training stands elsewhere.

From Python ``tfsnn.train("digits", "out")`` takes what the command takes; ``help(tfsnn.train.train)`` lists it.
"""

from __future__ import annotations

from tfsnn.stage.package import make_callable

make_callable(__name__, "run")
