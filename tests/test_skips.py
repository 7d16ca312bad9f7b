"""Skips are failures where NUCSEG_NO_SKIPS says so, and cost one line elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from skips import ALLOWED, BROWSERS, NO_CHROMIUM, TO_INSTALL

ROOT = Path(__file__).parents[1]
PREAMBLE = "import pytest\n\n"
PASSES = "def test_passes():\n    pass\n"
XFAILS = "@pytest.mark.xfail\ndef test_xfails():\n    assert False\n"
SKIPPED = {
    "by a mark": "@pytest.mark.skip(reason='left out')\ndef test_it():\n    pass\n",
    "by a condition": "@pytest.mark.skipif(True, reason='left out')\ndef test_it():\n    pass\n",
    "by itself": "def test_it():\n    pytest.skip('left out')\n",
    "by a fixture": (
        "@pytest.fixture(scope='session')\ndef thing():\n    pytest.skip('left out')\n\n\n"
        "def test_it(thing):\n    pass\n"
    ),
    "as a file": "pytest.skip('left out', allow_module_level=True)\n",
    "for a module": "pytest.importorskip('no_such_module', reason='left out')\n",
}
EACH = pytest.mark.parametrize("workers", [0, 2], ids=["one process", "xdist"])


def run(folder: Path, *texts: str, workers: int = 0, **variables: str):
    """pytest with the plugin, in a process of its own, on a file of tests."""
    (folder / "test_a.py").write_text(PREAMBLE + "\n\n".join(texts))
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    for name in ("NUCSEG_NO_SKIPS", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        environment.pop(name, None)
    options = [
        "-q",
        "-ra",
        "-p",
        "skips",
        "-p",
        "no:cacheprovider",
        "-n",
        str(workers),
        "--rootdir=.",
    ]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        **{"cwd": folder, "env": environment | variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("how", SKIPPED)
def test_a_skip_fails_where_none_may_be(how, tmp_path):
    done = run(tmp_path, SKIPPED[how], PASSES, NUCSEG_NO_SKIPS="1")
    assert done.returncode in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert "skipped, which NUCSEG_NO_SKIPS forbids: left out" in done.stdout
    assert not re.search(r"\d skipped", done.stdout)


@pytest.mark.parametrize("how", ["by a mark", "by a fixture", "as a file"])
def test_a_skip_fails_in_a_worker_too(how, tmp_path):
    done = run(tmp_path, SKIPPED[how], PASSES, workers=2, NUCSEG_NO_SKIPS="1")
    assert done.returncode != 0
    assert "skipped, which NUCSEG_NO_SKIPS forbids: left out" in done.stdout


@EACH
@pytest.mark.parametrize("value", [None, "", "0"])
def test_elsewhere_it_does_not(workers, value, tmp_path):
    variables = {} if value is None else {"NUCSEG_NO_SKIPS": value}
    done = run(tmp_path, SKIPPED["by a mark"], PASSES, workers=workers, **variables)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 skipped" in done.stdout


@EACH
def test_what_is_no_lack_of_the_machine_passes(workers, tmp_path):
    skips = "".join(
        f"def test_{number}():\n    pytest.skip('{reason}and so on')\n\n\n"
        for number, reason in enumerate(ALLOWED)
    )
    done = run(tmp_path, skips, XFAILS, PASSES, workers=workers, NUCSEG_NO_SKIPS="1")
    assert done.returncode == 0, done.stdout
    assert f"1 passed, {len(ALLOWED)} skipped, 1 xfailed" in done.stdout


@EACH
def test_one_line_says_what_to_install(workers, tmp_path):
    tests = ["def test_page(chromium):\n    pass\n", "def test_report(chromium):\n    pass\n"]
    variables = {"NUCSEG_CHROMIUM": str(tmp_path / "none")}
    other = SKIPPED["by a mark"]
    done = run(tmp_path, *tests, PASSES, other, workers=workers, **variables)
    lines = done.stdout.splitlines()
    assert lines[-2] == f"2 tests were skipped: {NO_CHROMIUM}; {TO_INSTALL}"
    assert done.stdout.count(TO_INSTALL) == 1
    assert len([line for line in lines if line.startswith("SKIPPED")]) == 2  # and one for `other`
    assert "1 passed, 3 skipped" in lines[-1]
    done = run(tmp_path, *tests, workers=workers, NUCSEG_NO_SKIPS="1", **variables)
    assert done.returncode == 1
    assert "2 errors" in done.stdout


@pytest.mark.parametrize("name", BROWSERS)
def test_browsers_are_found_by_name(name, tmp_path):
    browser = tmp_path / name
    browser.touch(mode=0o755)
    test = f"def test_it(chromium):\n    assert chromium == {str(browser)!r}\n"
    done = run(tmp_path, test, PATH=str(tmp_path), NUCSEG_CHROMIUM="")
    assert "1 passed" in done.stdout


def test_without_such_skips_there_is_no_line(tmp_path):
    done = run(tmp_path, SKIPPED["by a mark"], PASSES)
    assert NO_CHROMIUM not in done.stdout


def test_the_tests_here_use_the_plugin(pytestconfig):
    """And its absence of a browser is none that continuous integration allows."""
    assert pytestconfig.pluginmanager.hasplugin("skips")
    assert not NO_CHROMIUM.startswith(ALLOWED)
