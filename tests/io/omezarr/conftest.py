"""A small image as OME-Zarr, in both versions."""

from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.io.omezarr.write_image import write_image


@pytest.fixture(params=["0.4", "0.5"])
def version(request) -> str:
    return request.param


@pytest.fixture
def pixels() -> np.ndarray:
    """(C 2, Z 3, H 70, W 101) uint16, all of 16 bits, different everywhere."""
    return np.random.default_rng(5).integers(0, 2**16, (2, 3, 70, 101)).astype(np.uint16)


@pytest.fixture
def image(tmp_path, pixels, version):
    """The group of `pixels`, in three levels of 0.3 µm, planes 1.5 µm apart."""
    path = tmp_path / "a.zarr"
    write_image(path, pixels, "CZYX", ["DAPI", "GFP"], 0.3, 1.5, version, levels=3)
    return path
