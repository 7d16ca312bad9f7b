"""What a benchmark compares: models, other tools, and label images that tools or people made.

An entry is a row of the report. Its runs are the trainings of one experiment, repeated, or the
annotations of several people; most entries have one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nucseg_tf.errors import UsageError
from nucseg_tf.evaluation.peers.table import PEERS
from nucseg_tf.suggest import nearest

NAME = re.compile(r"[^\W_][\w.\- ]*")  # names become folders; legends leave out _names


@dataclass(frozen=True)
class Run:
    """A model, another tool, or a folder of label images.

    Attributes:
        entry: name in the report.
        name: of its folder of predictions; the entry's, with a number where it has several runs.
        kind: "model", "peer" or "labels".
        source: name or folder of the model, weights of the tool ("": its default), or folder of the
            label images.
    """

    entry: str
    name: str
    kind: Literal["model", "peer", "labels"]
    source: str


def parse_entries(
    models: Sequence[str], labels: Sequence[str], peers: Sequence[str] = ()
) -> list[Run]:
    """Read --models, --labels and --peers.

    Args:
        models: each a comma-separated list of MODEL, NAME=MODEL or NAME=MODEL+MODEL+...
        labels: each a comma-separated list of NAME=FOLDER or NAME=FOLDER+FOLDER+...
        peers: each a comma-separated list of TOOL or TOOL=WEIGHTS

    Returns:
        The runs, those of one entry together, in the order given.

    Raises:
        UsageError: none at all, a name given twice, one that cannot be a folder's, or a tool that
            is not known, or has no such weights.
    """
    entries = [_parse(part, "model") for text in models for part in text.split(",")]
    entries += [[_peer(part)] for text in peers for part in text.split(",")]
    entries += [_parse(part, "labels") for text in labels for part in text.split(",")]
    if not entries:
        raise UsageError("--models, --peers or --labels is missing: there is nothing to benchmark")
    seen: set[str] = set()
    for runs in entries:
        names = dict.fromkeys(name for run in runs for name in (run.entry, run.name))
        for name in names:
            if name.lower() in seen:
                raise UsageError(
                    f"two entries are called {name}; give each a name of its own: NAME=FOLDER, "
                    "or NAME=FOLDER+FOLDER of repeated runs"
                )
        seen.update(name.lower() for name in names)
    return [run for runs in entries for run in runs]


def check_model(run: Run, models_dir: Path | None) -> dict[str, Any]:
    """Find and verify the model of a run.

    Args:
        run: of kind "model".
        models_dir: folder to search for models by name first.

    Returns:
        `folder`, `family`, and `sha256`, a hash of weights, thresholds and all.

    Raises:
        ModelError: it is missing or damaged.
    """
    from nucseg_tf.models import zoo

    folder = zoo.find_model(run.source, models_dir)
    zoo.verify(folder)
    digest = hashlib.sha256((folder / "sha256").read_bytes()).hexdigest()
    family = zoo.read_info(folder).architecture.family
    return {"folder": folder.resolve(), "sha256": digest, "family": family}


def _parse(text: str, kind: Literal["model", "labels"]) -> list[Run]:
    flag = "--models" if kind == "model" else "--labels"
    entry, equals, rest = text.strip().rpartition("=")
    sources = rest.split("+")
    if not equals and kind == "labels":
        raise UsageError(f"{flag}: expected NAME=FOLDER. Received: {text!r}")
    entry = entry if equals else _name(Path(rest))
    if not all(sources) or not NAME.fullmatch(entry):
        raise UsageError(
            f"{flag}: expected {'MODEL or ' if kind == 'model' else ''}NAME=FOLDER, or "
            f"NAME=FOLDER+FOLDER of repeated runs, with a name of letters, digits and ._- that "
            f"begins with a letter or digit. Received: {text!r}"
        )
    names = [entry] if len(sources) == 1 else [f"{entry}-{n + 1}" for n in range(len(sources))]
    return [Run(entry, name, kind, source) for name, source in zip(names, sources, strict=True)]


def _peer(text: str) -> Run:
    name, equals, weights = text.strip().partition("=")
    if name not in PEERS:
        raise UsageError(f"--peers: there is no tool {name!r}; {nearest(name, PEERS)}")
    if equals and not (weights and Path(weights).exists()):
        raise UsageError(f"--peers: {name}={weights}: there is no such file or folder of weights")
    return Run(name, name, "peer", weights)


def _name(path: Path) -> str:
    """Of a model folder; those that `train` makes are called RUN/model."""
    return path.parent.name if path.name == "model" and path.parent.name else path.name
