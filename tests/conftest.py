"""What the tests share: drawn nuclei, real images and a browser where they are at hand.

With NUCSEG_MUST_RUN=1, as continuous integration sets it, a test that is skipped fails, but for
`MAY_SKIP`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from reference.drawn import drawn_nuclei

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before any test imports TensorFlow

ROOT = Path(__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
NO_BROWSER = "no Chromium"
MAY_SKIP = (  # reasons that no installation mends
    "each step is written for the whole batch",  # JAX has no part of a batch to compare
    "there is a GPU",
    "the checkout is readable by root only",
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a skip into a failure where all tests must run."""
    report = yield
    if (
        os.environ.get("NUCSEG_MUST_RUN") == "1"
        and report.skipped
        and not hasattr(report, "wasxfail")
    ):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(allowed in reason for allowed in MAY_SKIP):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} must run here (NUCSEG_MUST_RUN=1). {reason}"
    return report


def pytest_terminal_summary(terminalreporter) -> None:
    """Say once what to install for the tests that were skipped."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(NO_BROWSER in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(
            f"{count} tests need Chromium. Debian: apt-get install chromium fonts-dejavu-core; "
            "elsewhere set NUCSEG_CHROMIUM to its path."
        )


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser: NUCSEG_CHROMIUM, or the first of `BROWSERS`."""
    given = os.environ.get("NUCSEG_CHROMIUM")
    found = shutil.which(given) if given else next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip(f"{NO_BROWSER}{f' at {given}' if given else ''}")
    return found


@pytest.fixture
def toy() -> tuple[np.ndarray, np.ndarray]:
    """See `drawn_nuclei`."""
    return drawn_nuclei()


@pytest.fixture(scope="session")
def dsb2018() -> Path:
    """The fluorescence images of the Data Science Bowl 2018: {train,val}/{images,masks}."""
    default = ROOT.parent / "shared" / "data" / "dsb2018"
    folder = Path(os.environ.get("NUCSEG_DATA", default))
    if not (folder / "train" / "images").is_dir():
        pytest.skip(f"no images in {folder}; set NUCSEG_DATA to a folder of train/ and val/")
    return folder
