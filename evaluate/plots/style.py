"""What all pictures of a report have in common.

Colours are those of Okabe and Ito, which colour-blind eyes tell apart; no picture tells things apart by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8A8A8A"
SOLID, DASHED, DOTTED = "-", (0, (5, 1.5)), (0, (1.5, 1.2))
STYLE: dict[Any, Any] = {
    "font.size": 9,
    # Names of populations and data sets are no markup.
    "text.parse_math": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": "#333333",
    "axes.edgecolor": "#777777",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "legend.edgecolor": "none",
    "legend.fontsize": 8,
    "legend.framealpha": 0.85,
    "lines.linewidth": 1.6,
}


def logarithmic(axis: Axis) -> None:
    """Make an axis of a drawing logarithmic, with plain numbers at powers of ten, or of their halves where there are few of these.

    Parameters
    ----------
    axis
        ``axes.xaxis`` or ``axes.yaxis``, once its data are drawn.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    plain = FuncFormatter(lambda value, _: f"{value:,.12g}")
    # matplotlib's own are markup.
    (axis.axes.set_xscale if axis is axis.axes.xaxis else axis.axes.set_yscale)("log")
    low, high = sorted(axis.get_view_interval())
    few = high < 100 * low
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,), numticks=12))
    axis.set_major_formatter(plain)
    axis.set_minor_formatter(NullFormatter())


@contextmanager
def drawn(path: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """A figure in our style, written as PNG at the end.

    Parameters
    ----------
    path
        Where it goes.
    size
        Width and height in inches; 9.6 is as wide as the page.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        figure.savefig(path, dpi=170, metadata={"Software": "tfsnn"})
