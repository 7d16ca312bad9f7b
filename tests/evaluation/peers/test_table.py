from __future__ import annotations

import pytest

from nucseg_tf.errors import PeerError
from nucseg_tf.evaluation.peers.table import (
    FOLDER,
    PEERS,
    REQUIREMENTS,
    environment,
    find_python,
    version_of,
)


def test_each_tool_has_a_program_and_what_is_installed_for_it():
    for name, peer in PEERS.items():
        assert (REQUIREMENTS.parent / "programs" / f"{name}_peer.py").is_file()
        lines = (REQUIREMENTS / f"{name}.txt").read_text().splitlines()
        assert any(line.startswith(f"{peer.package}==") for line in lines)
        assert all("==" in line for line in lines if not line.startswith("#"))


def test_version_of_what_is_installed(environments):
    assert version_of("stardist", find_python("stardist")) == "0.1"


def test_an_environment_in_the_current_folder(environments, tmp_path, monkeypatch):
    environments.rename(tmp_path / FOLDER)
    monkeypatch.delenv("NUCSEG_PEERS")
    monkeypatch.chdir(tmp_path)
    assert find_python("stardist") == tmp_path / FOLDER / "stardist" / "bin" / "python"


def test_what_is_missing_is_said(environments):
    with pytest.raises(PeerError, match=r"cellpose: no Python environment in .*make peers"):
        find_python("cellpose")
    python = find_python("stardist")
    with pytest.raises(PeerError, match=r"cellpose is not installed for .*PackageNotFound"):
        version_of("cellpose", python)
    python.unlink()
    python.write_text("no program")
    with pytest.raises(PeerError, match="does not start"):
        version_of("stardist", python)


def test_a_tool_does_not_see_our_packages(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "here")
    assert "PYTHONPATH" not in environment()
    assert environment("cpu")["CUDA_VISIBLE_DEVICES"] == ""
