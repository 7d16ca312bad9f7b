"""That a skipped test does not pass for one that ran."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = """
import pytest

def test_passes(): pass

def test_skipped(): pytest.skip("no luck")

@pytest.mark.skipif(True, reason="there is a GPU")
def test_allowed(): pass

@pytest.mark.xfail(reason="known")
def test_expected(): assert False

def test_page(chromium): pass
"""


def outcome(folder: Path, **variables: str) -> tuple[int, str]:
    """Exit code and output of pytest on `TESTS`, with this project's conftest, in two processes."""
    (folder / "conftest.py").write_text((HERE / "conftest.py").read_text(encoding="utf-8"))
    (folder / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", str(folder)]
    environment = {key: os.environ[key] for key in os.environ if key != "NUCSEG_MUST_RUN"}
    environment |= {"PYTHONPATH": str(HERE), "NUCSEG_CHROMIUM": str(folder / "none")} | variables
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    return done.returncode, done.stdout


def test_skips_are_no_failures_for_a_user_who_is_told_what_to_install(tmp_path):
    code, text = outcome(tmp_path)
    assert code == 0
    assert "1 passed, 3 skipped, 1 xfailed" in text
    assert text.count("apt-get install chromium") == 1
    assert "1 tests need Chromium" in text


def test_skips_are_failures_where_all_must_run(tmp_path):
    code, text = outcome(tmp_path, NUCSEG_MUST_RUN="1")
    assert code == 1
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 1 error" in text
    assert "test_skipped must run here (NUCSEG_MUST_RUN=1)" in text
    assert "no luck" in text
    assert "no Chromium" in text


@pytest.mark.parametrize("name", ["pytest_runtest_makereport", "pytest_terminal_summary"])
def test_the_hooks_are_there(request, name):
    assert any(hasattr(plugin, name) for plugin in request.config.pluginmanager.get_plugins())
