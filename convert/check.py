"""``tfsnn check``: every layer of a model with its verdict; TensorFlow is not needed."""

from __future__ import annotations

import argparse

from tfsnn.errors import printable
from tfsnn.stage.terminal import table

from .given import encoders_of, ranges_of
from .input_encoder import default_encoder, fed
from .known_range import known_ranges
from .lower.driver import examine
from .options import add_model_arguments, chosen_settings, input_ranges, lambdas, shapes
from .read.read import read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tfsnn check``."""
    parser.add_argument("model", metavar="MODEL", help="Keras model: .h5 of Keras 1, 2 or 3, .keras, or .json with --weights")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the verdicts; 0 if the model can be converted, 1 if not."""
    settings, ranges = chosen_settings(args), input_ranges(args)
    record = read(args.model, backend=args.backend, weights=args.weights)
    affine = lambdas(args)
    said = known_ranges(record)
    found = examine(record, default_encoder(record, affine), affine=affine, shapes=shapes(args), release=True)
    graph = found.graph
    if graph is not None:
        graph = fed(graph, record, {}, encoders_of(graph, settings), affine=affine, known=ranges_of(graph, ranges), said=said).graph
    rows = []
    for verdict in found.verdicts:
        texts = [problem.partition(": ")[2] for problem in verdict.problems]
        rows += [(verdict.layer, verdict.class_name, text) for text in texts or ["converts"]]
    print(table(["layer", "class", "verdict"], rows))
    for note in record.notes:
        print(f"note: {printable(note)}")
    if graph is None:
        print(f"{sum(bool(verdict.problems) for verdict in found.verdicts)} of {len(found.verdicts)} layers cannot be converted")
        return 1
    print(f"all {len(found.verdicts)} layers convert\n\n{graph.table(scales=False)}")
    return 0
