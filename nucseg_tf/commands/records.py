"""run.json, and how a run over images ends."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nucseg_tf.errors import Signalled, SomeImagesFailed

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter

LOG = logging.getLogger(__name__)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_record(path: Path, record: dict[str, Any]) -> None:
    from nucseg_tf.doctor import versions
    from nucseg_tf.io.files import atomic_path

    with atomic_path(path) as temporary:
        text = json.dumps(record | {"versions": versions()}, indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")


def describe_model(segmenter: Segmenter) -> dict[str, Any]:
    return {
        "name": segmenter.info.name,
        "sha256": segmenter.model.sha256,
        "thresholds": segmenter.thresholds.model_dump(),
        "scores": "confidence" if segmenter.info.confidence else "raw",
    }


def describe_engine(segmenter: Segmenter) -> dict[str, str]:
    network = segmenter.network
    return {
        "engine": network.engine,
        "precision": network.precision,
        "device": network.device,
    }


def write_run(out: Path, record: dict[str, Any], outcome: Any, part: str = "") -> None:
    """Write run.json of a run over images.

    Args:
        out: folder of the results.
        record: what else stands in it.
        outcome: of the run.
        part: of the names of files, if several runs share the folder.
    """
    left_out = [str(path) for path in outcome.left_out]
    failures = [{"image": str(path), "reason": text} for path, text in outcome.failures]
    write_record(out / f"run{part}.json", record | {"left_out": left_out, "failures": failures})


def end_run(out: Path, outcome: Any, part: str = "") -> None:
    """End with 143 or 3 if some images of a run are not done; arguments as of `write_run`."""
    if outcome.left_out:
        LOG.warning("stopped by SIGTERM with %d images left to do", len(outcome.left_out))
        raise Signalled
    raise_if_failed(out, len(outcome.failures), len(outcome.done), part)


def raise_if_failed(out: Path, failed: int, done: int, part: str = "") -> None:
    """Print the folder, and end with 3, if images failed.

    Raises:
        SomeImagesFailed: naming the table of them.
    """
    if failed:
        print(out)
        table = out / f"failures{part}.csv"
        raise SomeImagesFailed(f"{failed} of {failed + done} images failed, see {table}")
