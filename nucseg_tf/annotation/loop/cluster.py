"""A training on a cluster: the version begins here, and a job of Snakemake goes on with it.

The project must lie where the nodes of the cluster see it under the same path. This process waits
for the job and holds a lock meanwhile; whoever ends it takes the job back.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from nucseg_tf.annotation.loop import locks, versions
from nucseg_tf.annotation.loop.locks import LOOP
from nucseg_tf.annotation.loop.train import prepare
from nucseg_tf.annotation.loop.versions import Version
from nucseg_tf.errors import ClusterError, Signalled, UsageError
from nucseg_tf.io.files import ensure_folder

WORKFLOW = Path(__file__).parents[3] / "workflow"
PROFILE = "NUCSEG_PROFILE"  # folder of a profile of Snakemake; the shipped one for SLURM without
CLUSTER = "cluster"  # folder below LOOP in which Snakemake works
LOG = "slurm.log"  # of Snakemake, where the page started it


def train_on_cluster(
    folder: Path, *, new: bool, again: bool, base: str, settings: Sequence[str]
) -> Version:
    """Do what `train.train` does, on a cluster; arguments as there.

    Raises:
        UsageError: Snakemake or the workflow are not at hand; or as of `train.train`.
        ClusterError: the job failed, or could not be submitted.
        SystemExit: ended by SIGTERM or SIGINT; the job has been taken back.
    """
    command = _command(folder.resolve())
    with locks.hold(folder, locks.SUBMITTED):
        with locks.hold(folder, locks.TRAINING):
            version = prepare(folder, new, again, base, settings)
            versions.write(folder, replace(version, state="training"))
        stopped = _run(command, ensure_folder(folder / LOOP / CLUSTER))
        return _outcome(folder, versions.read(folder, version.name), stopped)


def _outcome(folder: Path, version: Version, stopped: int) -> Version:
    """What became of a version; the job has written it down, unless it had no time to."""
    silent = version.state == "training"
    if stopped:
        if silent:
            versions.write(folder, replace(version, state="stopped"))
        raise Signalled(stopped)
    if version.state == "done":
        return version
    reason = version.error
    if silent:
        logs = folder / LOOP
        reason = f"the job did not end well, see {logs / CLUSTER / 'train.log'} or {logs / LOG}"
        versions.write(folder, replace(version, state="failed", error=reason))
    raise ClusterError(f"{version.name}: {reason}")


def _command(folder: Path) -> list[str]:
    """What runs the workflow; UsageError where it cannot be run."""
    profile = Path(os.environ.get(PROFILE) or WORKFLOW / "profiles" / "slurm")
    snakefile = WORKFLOW / "loop" / "Snakefile"
    if find_spec("snakemake") is None or not snakefile.is_file():
        raise UsageError(
            "training on a cluster needs a checkout of nucseg_tf, with its extra `workflow`. "
            f"Received: {snakefile}"
        )
    if not profile.is_dir():
        raise UsageError(f"{PROFILE}: expected the folder of a profile. Received: {profile}")
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "train"]
    return [
        *snakemake,
        *("--profile", str(profile.resolve()), "--directory", str(folder / LOOP / CLUSTER)),
        *("--config", f"project={folder}", "--nolock", "--quiet", "rules"),
    ]


def _run(command: Sequence[str], folder: Path) -> int:
    """Run the workflow in a folder; gives the signal that ended it, or 0.

    SIGINT makes Snakemake take its jobs back; after SIGTERM it would wait for them.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    process = subprocess.Popen(command, cwd=folder, env=os.environ | {"PATH": path})
    stopped: list[int] = []

    def stop(number: int, frame: object) -> None:
        if not stopped:
            process.send_signal(signal.SIGINT)
        stopped.append(number)

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        process.wait()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return stopped[0] if stopped else 0
