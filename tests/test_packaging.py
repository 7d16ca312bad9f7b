"""How an installation is found."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import nucseg_tf

ROOT = Path(__file__).parents[1]


def test_a_clone_is_not_taken_for_the_package(tmp_path):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    # By this, what `pip install -e` leaves is a path; a finder would come after all paths.
    assert settings["tool"]["setuptools"]["package-dir"] == {"": "."}
    (tmp_path / "nucseg_tf").mkdir()  # as a clone is called, beside which Python is started
    done = subprocess.run(
        [sys.executable, "-c", "import nucseg_tf; print(nucseg_tf.__version__)"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == nucseg_tf.__version__, done.stderr
