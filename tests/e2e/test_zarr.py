"""Images in OME-Zarr: labels and a table are written into them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import zarr
from test_runs import drawn

from nucseg_tf.__main__ import main
from nucseg_tf.io.omezarr.write_image import write_image


def run(*arguments: object) -> int:
    return main(["predict", *map(str, arguments)])


@pytest.fixture
def image(tmp_path):
    """C 2, Z 3; nuclei in the second channel."""
    pixels = np.zeros((2, 3, 96, 120), np.uint16)
    pixels[0] = 700
    pixels[1] = [drawn(1) // 2**z for z in range(3)]
    path = tmp_path / "a.zarr"
    write_image(path, pixels, "czyx", channels=["GFP", "DAPI"], pixel_size=0.5)
    return path


def test_labels_go_into_the_image(image, tmp_path):
    out = tmp_path / "out"
    assert run(image, "--out", out, "--channel", "DAPI", "--z", "max") == 0
    assert not list(out.glob("*.tif"))
    labels = zarr.open_array(image / "labels" / "nuclei" / "0", mode="r")[:]
    assert labels.shape == (1, 96, 120)
    table = pd.read_csv(out / "objects.csv")
    np.testing.assert_array_equal(table["area_px"], np.bincount(labels.ravel())[1:])
    assert (table["GFP_mean"] == 700).all()
    assert (image / "tables" / "nuclei").is_dir()
