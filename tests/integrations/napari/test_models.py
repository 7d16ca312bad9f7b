"""A model is loaded once, again if its folder has changed, and let go of."""

from __future__ import annotations

import pytest

from nucseg_tf.errors import ModelError
from nucseg_tf.inference import segmenter
from nucseg_tf.integrations.napari.models import Models


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A model folder, of which loading gives a new object each time."""
    (tmp_path / "model.yaml").touch()
    (tmp_path / "sha256").write_text("a")
    monkeypatch.setattr(segmenter, "load_model", lambda *_, **__: object())
    return tmp_path


def test_it_is_kept_until_something_else_is_asked_for(folder):
    models = Models()
    first = models.load(folder)
    assert models.load(folder) is first
    with pytest.raises(ModelError):
        models.load(folder / "none")
    assert models.load(folder) is first


def test_a_folder_that_was_trained_again_is_loaded_again(folder):
    models = Models()
    first = models.load(folder)
    (folder / "sha256").write_text("b")
    assert models.load(folder) is not first


def test_nothing_is_kept_after_it_was_let_go_of(folder):
    models = Models()
    first = models.load(folder)
    models.let_go()
    assert models._held is None
    assert models.load(folder) is not first
    assert models._held is None


def test_a_model_that_is_none_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="no model"):
        Models().load(tmp_path / "none")
