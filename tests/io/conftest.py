"""A small image for the tests of reading."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def grey():
    """(6, 5) uint16 that needs all 16 bits and differs along rows and columns."""
    return (np.arange(30, dtype=np.uint16).reshape(6, 5) * 2003) + 17
