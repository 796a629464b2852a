"""A network that a camera feeds, and a video of which little changes from frame to frame."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.nets import conv, dense, network
from tfsnn.input.encoder import Encoder
from tfsnn.input.framing import Framing
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input
from tfsnn.network.ops import Conv, Reshape


def camera_net(outputs: int = 3) -> Graph:
    """(6, 7, 3) - strided convolution - dense, linear."""
    rng = np.random.default_rng(5)
    image = Input("in", (6, 7, 3), Encoder("graded"), Framing((6, 7), "bgr"))
    first = conv("first", image, Conv(3, (3, 3), (2, 2)), rng.integers(-9, 10, (3, 3, 3, 3)), bias=0.1)
    last = dense("out", first, outputs, rng.integers(-9, 10, (18, outputs)), relays=(Reshape((18,)),), f="linear")
    return network(image, first, last)


def frames(count: int) -> Any:
    """Frames of which a few pixels change from one to the next."""
    rng = np.random.default_rng(2)
    video = np.repeat(rng.integers(0, 256, (1, 6, 7, 3)), count, axis=0).astype(np.uint8)
    for i in range(1, count):
        video[i:, rng.integers(6), rng.integers(7)] = rng.integers(0, 256, 3)
    return video
