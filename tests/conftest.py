"""What the tests share: drawn nuclei, and real images where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from reference.drawn import drawn_nuclei

pytest_plugins = ["skips"]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before any test imports TensorFlow

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory) -> Path:
    """The cache folder of this run of the tests, one for all its processes."""
    root = tmp_path_factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "cache"
    os.environ["NUCSEG_CACHE"] = str(folder)
    return folder


@pytest.fixture
def toy() -> tuple[np.ndarray, np.ndarray]:
    """See `drawn_nuclei`."""
    return drawn_nuclei()


@pytest.fixture(scope="session")
def dsb2018() -> Path:
    """The fluorescence images of the Data Science Bowl 2018: {train,val}/{images,masks}."""
    beside = ROOT.parent / "shared" / "data"
    folder = Path(os.environ.get("NUCSEG_DATA", beside / "dsb2018"))
    if folder.parent == beside and not beside.is_dir():
        pytest.skip(f"no folder {beside}; set NUCSEG_DATA to a folder of train/ and val/")
    if not (folder / "train" / "images").is_dir():
        pytest.skip(f"no images in {folder}; set NUCSEG_DATA to a folder of train/ and val/")
    return folder
