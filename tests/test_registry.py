from __future__ import annotations

import logging
import sys

import pytest

from nucseg_tf.errors import NucsegError, UsageError
from nucseg_tf.registry import FAMILIES, READERS, WRITERS, Registry

GROUP = "nucseg_tf.tests"


@pytest.fixture
def registry() -> Registry:
    return Registry("cheese", GROUP, {"brie": "math:pi", "gouda": "math:e"})


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a package with entry points: writes NAME-1.0.dist-info on the path."""

    def install(name: str, lines: str, code: str = "") -> None:
        (tmp_path / f"{name}.py").write_text(code)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}\n")
        monkeypatch.delitem(sys.modules, name, raising=False)

    monkeypatch.syspath_prepend(tmp_path)
    return install


def test_text_is_imported_when_asked_for(registry):
    import math

    assert registry["brie"] == math.pi
    assert registry.names() == ["brie", "gouda"]
    assert list(registry) == [math.pi, math.e]


def test_an_unknown_name_names_the_nearest(registry):
    with pytest.raises(UsageError, match="no cheese 'bri'; did you mean 'brie'"):
        registry["bri"]
    with pytest.raises(UsageError, match="known: brie, gouda"):
        registry["xyz"]


def test_another_package_adds_one_by_an_entry_point(registry, package):
    package("dairy", "edam = dairy:EDAM", "EDAM = 'round'")
    assert registry.names() == ["brie", "gouda", "edam"]
    assert "dairy" not in sys.modules
    assert registry["edam"] == "round"
    assert registry.names() == ["brie", "gouda", "edam"]


def test_a_broken_package_is_named_and_stops_nobody_else(registry, package, caplog):
    package("mould", "edam = mould:EDAM", "raise OSError('no milk')")
    with pytest.raises(NucsegError, match=r"cheese 'edam' of mould cannot be loaded.*no milk"):
        registry["edam"]
    with caplog.at_level(logging.WARNING):
        assert [name for name, _ in registry.items()] == ["brie", "gouda"]
    assert "no milk" in caplog.text


def test_no_package_takes_the_place_of_another(registry, package, caplog):
    package("fake", "brie = fake:BRIE", "BRIE = 'plastic'")
    with caplog.at_level(logging.WARNING):
        assert registry.names() == ["brie", "gouda"]
        assert registry["brie"] != "plastic"
    assert "the name is taken" in caplog.text
    with pytest.raises(ValueError, match="there already"):
        registry.register("brie", object())


@pytest.mark.parametrize("registry", [FAMILIES, READERS, WRITERS], ids=lambda r: r.kind)
def test_what_is_registered_exists(registry):
    assert len(list(registry)) == len(registry.names()) >= 2


def test_families_say_what_they_must():
    sections = [family.section for family in FAMILIES]
    assert len(set(sections)) == len(sections)
    for name, family in FAMILIES.items():
        assert family.name == name == family.architecture().family
