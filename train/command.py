"""``tfsnn train RECIPE --out DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

from .recipes import RECIPES
from .run import summary, train


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``tfsnn train``."""
    parser.add_argument("recipe", metavar="RECIPE", help=f"one of {', '.join(RECIPES)}")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where model.h5, train.json and training.png go")
    parser.add_argument("--data", metavar="NAME", help="data set by name, .npz file or folder (default: the recipe's)")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="where tensorflow-datasets keeps its data (default: TFDS_DATA_DIR)")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the training images (default: the recipe's)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of everything that is drawn (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="overwrite what exists")


def run(args: argparse.Namespace) -> int:
    """``tfsnn train``."""
    report = train(
        args.recipe, args.out, data=args.data, data_dir=args.data_dir, epochs=args.epochs, seed=args.seed, force=args.force
    )
    print(summary(report))
    print(f"\nwrote {', '.join(str(args.out / name) for name in ('model.h5', 'train.json', 'training.png'))}")
    return 0
