"""``tfsnn check``: every layer of a model with its verdict; TensorFlow is not needed."""

from __future__ import annotations

import argparse

from tfsnn.encode import Encoder
from tfsnn.stage import table

from .command import add_model_arguments, chosen_encoder, lambdas, shapes
from .lower import examine
from .reader import read
from .run import stored_encoder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tfsnn check``."""
    parser.add_argument("model", metavar="MODEL", help="Keras model: .h5 of Keras 1, 2 or 3, or .keras")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the verdicts; 0 if the model can be converted, 1 if not."""
    record = read(args.model, backend=args.backend)
    encoder = chosen_encoder(args) or stored_encoder(record) or Encoder("graded")
    graph, verdicts = examine(record, encoder, affine=lambdas(args), shapes=shapes(args))
    rows = [(v.layer, v.class_name, v.problem.partition(": ")[2] if v.problem else "converts") for v in verdicts]
    print(table(["layer", "class", "verdict"], rows))
    for note in record.notes:
        print(f"note: {note}")
    if graph is None:
        print(f"{sum(bool(v.problem) for v in verdicts)} of {len(verdicts)} layers cannot be converted")
        return 1
    print(f"all {len(verdicts)} layers convert\n\n{graph}")
    return 0
