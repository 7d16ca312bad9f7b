"""Environments of tools that do not exist: a Python with NumPy and tifffile, and a tool of ours."""

from __future__ import annotations

import venv
from pathlib import Path

import numpy as np
import pytest
import tifffile

STARDIST = '''
import os, pathlib, warnings
import numpy as np

class StarDist2D:
    """Every second pixel column of what is bright is a nucleus."""
    def __init__(self, config, name, basedir):
        weights = pathlib.Path(basedir) / name / "weights_best.h5"
        if not weights.is_file():
            warnings.warn("Couldn't find any network weights (*.h5) to load.")
        self.brightest = int(weights.read_text()) if weights.is_file() else 7

    @classmethod
    def from_pretrained(cls, name):
        if os.environ.get("FAKE") == "corrupted":
            return None
        raise OSError(f"URL fetch failure on https://example.org/{name}.zip")

    def predict_instances(self, image, n_tiles, show_tile_progress):
        print("a tool may print what it likes")
        if os.environ.get("FAKE") == "always" or (
            image.shape[0] == 2 and os.environ.get("FAKE") == "fails"
        ):
            raise ValueError("too small\\n  at line 7\\nfor me")
        if image.shape[0] == 2 and os.environ.get("FAKE") == "dies":
            os._exit(7)
        return (image * self.brightest / 40).round().astype(np.int64), {}
'''
FILES = {
    "stardist/__init__.py": "",
    "stardist/models.py": STARDIST,
    "csbdeep/__init__.py": "",
    "csbdeep/utils.py": "def normalize(image, low, high, axis):\n    return image\n",
    "tensorflow/__init__.py": (
        "class config:\n    list_physical_devices = staticmethod(lambda kind: [])\n"
    ),
    "stardist-0.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: stardist\nVersion: 0.1\n",
}


def packages_of(folder: Path) -> Path:
    """Where an environment keeps its packages."""
    return next(folder.glob("lib/python*/site-packages"))


@pytest.fixture
def environments(tmp_path, monkeypatch):
    """A folder of environments, in which stardist is one that gives back what it is shown."""
    folder = tmp_path / "environments"
    venv.create(folder / "stardist", with_pip=False, symlinks=True)
    packages = packages_of(folder / "stardist")
    for name, text in FILES.items():
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text(text)
    needed = {Path(module.__file__).parents[1] for module in (np, tifffile)}
    (packages / "needed.pth").write_text("".join(f"{path}\n" for path in needed))
    monkeypatch.setenv("NUCSEG_PEERS", str(folder))
    return folder


@pytest.fixture
def weights(tmp_path):
    """Weights of the tool: with 1 it finds what is there."""
    folder = tmp_path / "weights" / "mine"
    folder.mkdir(parents=True)
    (folder / "weights_best.h5").write_text("1")
    return folder
