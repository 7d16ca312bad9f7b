"""Zip files of models that are damaged."""

import zipfile

import pytest

from nucseg_tf.errors import ModelError
from nucseg_tf.models.archive import import_model
from nucseg_tf.models.zoo import HASHED


def test_a_member_that_cannot_be_inflated(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in HASHED:
            archive.writestr(f"m/{name}", bytes(range(256)) * 9)
    content = bytearray((tmp_path / "a.zip").read_bytes())
    place = content.index(b"m/model.yaml") + len("m/model.yaml")
    content[place : place + 20] = b"\xff" * 20
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.zip: cannot be read as a zip file"):
        import_model(tmp_path / "a.zip", tmp_path / "models")
    assert not any((tmp_path / "models").iterdir())
