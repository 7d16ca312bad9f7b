"""Names that stand for objects: of this package, registered, or from other installed packages."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nucseg_tf.errors import NucsegError, UsageError
from nucseg_tf.registry import READERS, WRITERS, Registry

GROUP = "nucseg_tf.readers"


def registry(**own: str) -> Registry:
    return Registry("reader", GROUP, own)


def install(folder: Path, name: str, code: str, *points: str) -> None:
    """Lay a distribution into a folder as pip would: a module, its metadata, its entry points."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *points, ""]))


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    """A folder on Python's path, for distributions."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    return tmp_path / "site"


@pytest.mark.parametrize(
    ("asked", "hint"), [("tif", "did you mean 'tiff'"), ("dicom", "expected one of ")]
)
def test_an_unknown_name_names_the_nearest_or_all(asked, hint):
    with pytest.raises(UsageError, match=f"no reader '{asked}'; {hint}"):
        READERS[asked]


@pytest.mark.parametrize("known", [READERS, WRITERS])
def test_all_that_is_listed_can_be_loaded(known):
    assert [name for name, _ in known.items()] == known.names()
    assert list(known) == [known[name] for name in known.names()]


def test_text_is_imported_when_first_asked_for():
    lazy = registry(path="os:path", gone="nowhere_at_all:READER")
    assert lazy.names() == ["path", "gone"]
    assert lazy["path"] is os.path
    lazy.register("sep", "os:sep")
    assert lazy["sep"] == os.sep


def test_a_taken_name_is_refused(site):
    install(site, "nucseg_taken", "READER = 1", "theirs = nucseg_taken:READER")
    mine = registry(ours="os:path")
    for name in ("ours", "theirs"):
        with pytest.raises(ValueError, match=f"reader '{name}' is there already"):
            mine.register(name, "os:sep")
    mine.register("new", object())
    with pytest.raises(ValueError, match="'new' is there already"):
        mine.register("new", object())


def test_another_package_adds_by_an_entry_point(site):
    install(site, "nucseg_added", "READER = object()", "toy = nucseg_added:READER")
    mine = registry(ours="os:path")
    assert mine.names() == ["ours", "toy"]
    import nucseg_added

    assert mine["toy"] is nucseg_added.READER
    assert dict(mine.items()) == {"ours": os.path, "toy": nucseg_added.READER}
    assert mine.names() == ["ours", "toy"]


def test_a_name_of_ours_cannot_be_replaced_by_an_entry_point(site, caplog):
    install(site, "nucseg_thief", "READER = 1", "ours = nucseg_thief:READER")
    mine = registry(ours="os:path")
    assert mine["ours"] is os.path
    assert mine.names() == ["ours"]
    assert "'ours' of nucseg_thief is left out: the name is taken" in caplog.text


@pytest.mark.parametrize(
    ("code", "reason"), [("import no_such_module", "no_such_module"), ("", "READER")]
)
def test_a_broken_package_is_named(site, caplog, monkeypatch, code, reason):
    install(site, "nucseg_broken", code, "bad = nucseg_broken:READER")
    monkeypatch.delitem(sys.modules, "nucseg_broken", raising=False)
    mine = registry(ours="os:path")
    with pytest.raises(NucsegError, match=f"'bad' of nucseg_broken cannot be loaded.*{reason}"):
        mine["bad"]
    with caplog.at_level(logging.WARNING):
        assert dict(mine.items()) == dict(mine.items()) == {"ours": os.path}
    # Readers are gone through with every image; a warning with each would bury all else.
    assert [r.levelname for r in caplog.records if "nucseg_broken" in r.message] == ["WARNING"]
    assert mine.names() == ["ours", "bad"]


TOY = """
import numpy as np
from nucseg_tf.io.readers.base import RawImage, Reader

class Toy(Reader):
    suffixes = (".toy",)
    def recognises(self, head):
        return head.startswith(b"TOY")
    def read(self, path):
        return RawImage(np.frombuffer(path.read_bytes()[3:], np.uint8).reshape(2, -1), "YX")

READER = Toy()
"""
PROGRAM = """
import sys
import nucseg_tf.io.images as images
from nucseg_tf.registry import READERS
print([path.name for path in images.list_images([sys.argv[1]])])
print({"cv2", "tifffile", "nucseg_toy"} & set(sys.modules))
print(images.read_image(sys.argv[1] + "/a.toy").pixels.tolist(), READERS.names())
"""


def test_an_installed_reader_makes_its_files_images(site, tmp_path):
    """In a Python of its own, for the registry of this one has looked for entry points already."""
    install(site, "nucseg_toy", TOY, "toy = nucseg_toy:READER")
    (tmp_path / "a.toy").write_bytes(b"TOY1234")
    path = os.pathsep.join([str(site), str(Path(__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "['a.toy']",
        "{'nucseg_toy'}",  # listing images takes no decoder
        "[[49, 50], [51, 52]] ['tiff', 'plain', 'omezarr', 'hdf5', 'czi', 'nd2', 'lif', 'toy']",
    ]
