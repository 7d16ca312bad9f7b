"""Which other tools a benchmark can run, and where their Python environments lie."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from nucseg_tf.errors import PeerError

REQUIREMENTS = Path(__file__).with_name("requirements")
FOLDER = ".venv-peers"  # of `make peers`
SECONDS = 120  # a slow network drive may take so long to start a Python


@dataclass(frozen=True)
class Peer:
    """Another tool.

    Attributes:
        title: its name as its authors write it.
        package: its name on PyPI, which knows the version.
        remedy: what to do where its weights cannot be had.
    """

    title: str
    package: str
    remedy: str


PEERS = {
    "stardist": Peer(
        "StarDist",
        "stardist",
        "With a network, they come by themselves and stay as "
        "~/.keras/models/StarDist2D/2D_versatile_fluo/2D_versatile_fluo.zip; or give a model's "
        "folder (config.json, thresholds.json, weights_best.h5): --peers stardist=FOLDER.",
    ),
    "cellpose": Peer(
        "Cellpose",
        "cellpose",
        "With a network, they come by themselves and stay in ~/.cellpose/models, or in "
        "$CELLPOSE_LOCAL_MODELS_PATH (nucleitorch_0 and size_nucleitorch_0.npy; of version 4 "
        "cpsam_v2); or give a file of weights: --peers cellpose=FILE.",
    ),
    "instanseg": Peer(
        "InstanSeg",
        "instanseg-torch",
        "With a network, they come by themselves and stay in its package's folder, or in "
        "$INSTANSEG_BIOIMAGEIO_PATH (single_channel_nuclei/0.1.2/instanseg.pt); or give a "
        "TorchScript file: --peers instanseg=FILE.",
    ),
}


def find_python(name: str) -> Path:
    """The Python of a tool's environment.

    Raises:
        PeerError: there is none.
    """
    checkout = Path(__file__).parents[3]
    own = os.environ.get("NUCSEG_PEERS")
    folders = [Path(own)] if own else [Path(FOLDER).absolute(), checkout / FOLDER]
    for folder in folders:
        for python in (folder / name / "bin" / "python", folder / name / "Scripts" / "python.exe"):
            if python.is_file():
                return python
    places = " or ".join(dict.fromkeys(str(folder / name) for folder in folders))
    raise PeerError(
        f"{name}: no Python environment in {places}. `make peers` makes it; or make one and "
        f"`pip install -r {REQUIREMENTS / name}.txt` into it. NUCSEG_PEERS names another folder."
    )


def version_of(name: str, python: Path) -> str:
    """The version of a tool, which is not imported for that.

    Raises:
        PeerError: it is not installed, or its Python does not start.
    """
    package = PEERS[name].package
    code = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    command = [str(python), "-c", code, package]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment(), timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(f"{name}: {python} does not start ({error}). Make it anew.") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise PeerError(
            f"{name}: {package} is not installed for {python} (it said: {said}). "
            f"`pip install -r {REQUIREMENTS / name}.txt` there."
        )
    return done.stdout.strip()


def environment(device: str = "auto") -> dict[str, str]:
    """Variables for a tool's Python: without those that would show it our packages.

    Args:
        device: "cpu" hides GPUs.
    """
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return kept | ({"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {})
