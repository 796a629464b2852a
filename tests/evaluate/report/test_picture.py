"""A picture in a page is a PNG that any program reads, pixel by pixel."""

from __future__ import annotations

import base64
from io import BytesIO

import matplotlib.image
import numpy as np
import pytest

from tfsnn.evaluate.report.picture import picture


@pytest.mark.parametrize("channels", [1, 3])
def test_png(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, channels)).astype(np.uint8)
    image = {"shape": [3, 5, channels], "base64": base64.b64encode(pixels.tobytes()).decode()}
    found = picture(image, "words")
    read = matplotlib.image.imread(BytesIO(base64.b64decode(found.data)))
    assert np.array_equal(np.round(255 * read).astype(np.uint8).reshape(3, 5, -1)[..., :channels], pixels)
    assert (found.width, found.height, found.words) == (240, 144, "words")
