"""A project with corrected fields, and how they are corrected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from reference.drawn import drawn_nuclei

from nucseg_tf.annotation.editor import history
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.session import Session
from nucseg_tf.annotation.editor.store import Store


def twice_drawn() -> tuple[np.ndarray, np.ndarray]:
    """Eight drawn nuclei: image and labels (72, 192)."""
    image, labels = drawn_nuclei()
    more = np.where(labels > 0, labels + 4, 0)
    return np.hstack([image, image]), np.hstack([labels, more]).astype(np.int32)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Fields a, b, c and d with prelabels, none of them corrected."""
    image, labels = twice_drawn()
    for place in ("images", "prelabels"):
        (tmp_path / place).mkdir()
    for key in "abcd":
        tifffile.imwrite(tmp_path / "images" / f"{key}.tif", image)
        tifffile.imwrite(tmp_path / "prelabels" / f"{key}_labels.tif", labels.astype(np.uint16))
    return tmp_path


@pytest.fixture
def accept(monkeypatch):
    """See `accept_field`."""

    def accept_field(folder: Path, key: str, hour: int) -> Path:
        """Accept a field at an hour, as the page does; gives its mask."""
        monkeypatch.setattr(history, "now", lambda: f"2026-01-01T{hour:02d}:00:00+00:00")
        monkeypatch.setattr("nucseg_tf.annotation.editor.store.now", history.now)
        field = open_project(folder).fields[key]
        session = Session(Store(field, (72, 192)))
        session.reopen("me")
        session.accept("me", None)
        session.close()
        return field.mask

    return accept_field
