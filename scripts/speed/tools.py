"""The commands of nucseg_tf and of the other tools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speed.process import measure

SCRIPTS = Path(__file__).parents[1]
RIVALS = Path(__file__).parent / "rivals"
OURS = "nucseg_tf"
PACKAGES = {"stardist": "stardist", "cellpose": "cellpose", "instanseg": "instanseg"}  # imports


@dataclass(frozen=True)
class Tool:
    """A tool as commands.

    Attributes:
        name: in results.
        predict: command to which a folder of images, `--out` and a folder are added; writes label
            images.
        staged: the same, and `--times` and a file are added, for which it notes its stages.
        imported: command that imports what a program of one's own would.
        env: environment.
    """

    name: str
    predict: tuple[str, ...]
    staged: tuple[str, ...]
    imported: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def run(self, images: Path, limit_s: float) -> dict[str, float]:
        """Predict a folder, or one file, in a process of its own."""
        with tempfile.TemporaryDirectory() as out:
            command = (*self.predict, str(images), "--out", f"{out}/labels")
            return measure(command, self.env, limit_s)

    def run_staged(self, images: Path, limit_s: float, *extra: str) -> dict[str, Any]:
        """Predict a folder, its first image once before; what the tool noted of its stages."""
        with tempfile.TemporaryDirectory() as out:
            times = Path(out) / "times.json"
            command = (*self.staged, str(images), "--out", f"{out}/labels", "--times", str(times))
            process = measure((*command, *extra), self.env, limit_s)
            return json.loads(times.read_text()) | {"process": process}

    def run_import(self, limit_s: float) -> dict[str, float]:
        """Import the tool."""
        return measure(self.imported, self.env, limit_s)


def ours(model: str) -> Tool:
    """nucseg_tf of this checkout."""
    python = sys.executable
    env = _environment() | {"PYTHONPATH": os.pathsep.join((str(SCRIPTS.parent), str(SCRIPTS)))}
    return Tool(
        OURS,
        (python, "-m", "nucseg_tf", "predict", "--model", model),
        (python, "-m", "speed.worker", "--model", model),
        (python, "-c", "from nucseg_tf import load_model"),
        env,
    )


def rival(name: str, python: str, model: str | None) -> Tool:
    """Another tool, in an environment of its own.

    Args:
        name: of its script in rivals/, without `_run.py`.
        python: interpreter of the environment.
        model: weights, for the script's `--model`; it says what it does without.
    """
    command = (python, str(RIVALS / f"{name}_run.py"), *(("--model", model) if model else ()))
    env = _environment()
    env.pop("PYTHONPATH", None)
    module = "stardist.models" if name == "stardist" else PACKAGES[name]
    return Tool(name, command, command, (python, "-c", f"import {module}"), env)


def _environment() -> dict[str, str]:
    return os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}


def packages(python: str, names: tuple[str, ...]) -> dict[str, str]:
    """Versions of packages in another environment; those that are missing are left out.

    Raises:
        SystemExit: there is no such interpreter.
    """
    code = (
        "import json, platform, sys\n"
        "from importlib.metadata import PackageNotFoundError, version\n"
        "found = {'python': platform.python_version()}\n"
        "for name in sys.argv[1:]:\n"
        "    try: found[name] = version(name)\n"
        "    except PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    try:
        done = subprocess.run([python, "-c", code, *names], stdout=subprocess.PIPE, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise SystemExit(f"{python}: is no Python that runs: {error}") from error
    return json.loads(done.stdout)
