"""Which tests may be skipped, and what is said of those without a browser: a plugin of pytest.

With NUCSEG_NO_SKIPS=1, as in continuous integration, a skip is a failure unless its reason begins
with one of `ALLOWED`: there, all that tests need is installed, so a skip means that a change is not
tested. Elsewhere it takes no more than a line at the end to say what to install.
"""

from __future__ import annotations

import os
import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NO_CHROMIUM = "no Chromium"
TO_INSTALL = "on Debian: apt-get install chromium libatomic1"
ALLOWED = (  # what a machine may lack, or have, whatever is installed
    "no folder ",  # of real images, whose lack is nothing that CI could install
    "there is a GPU",
    "this file system has names of text alone",
    "the checkout is readable by root only",
)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program NUCSEG_CHROMIUM, or the first of `BROWSERS` that is on the PATH."""
    named = os.environ.get("NUCSEG_CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)
    if found is None:
        pytest.skip(NO_CHROMIUM)
    return found


def reason(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """Why something was skipped; None if it was not, or is an expected failure."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return None
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a skip that is not allowed here a failure."""
    found = reason(report)
    strict = os.environ.get("NUCSEG_NO_SKIPS", "") not in ("", "0")
    if strict and found is not None and not found.startswith(ALLOWED):
        report.outcome = "failed"
        report.longrepr = f"skipped, which NUCSEG_NO_SKIPS forbids: {found}"


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around pytest's own, which marks expected failures
def pytest_runtest_makereport(item, call):
    report = yield
    fail_if_skipped(report)
    if reason(report) == NO_CHROMIUM:  # of one place, so that pytest lists them in one line
        report.longrepr = (__file__, None, f"Skipped: {NO_CHROMIUM}")
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(collector):
    report = yield
    fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)  # the last word, after pytest's own summary
def pytest_terminal_summary(terminalreporter):
    yield
    skipped = [reason(report) for report in terminalreporter.stats.get("skipped", [])]
    if count := skipped.count(NO_CHROMIUM):
        tests = "1 test was" if count == 1 else f"{count} tests were"
        terminalreporter.write_line(f"{tests} skipped: {NO_CHROMIUM}; {TO_INSTALL}", yellow=True)
