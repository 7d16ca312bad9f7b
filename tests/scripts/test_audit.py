"""Locks are exact, what is shipped is free, and silence is no good news."""

from __future__ import annotations

import json

import pytest
from reliability import audit


@pytest.mark.parametrize("lock", audit.LOCKS)
def test_every_requirement_is_locked(lock):
    assert len(audit.pins(audit.ROOT / lock)) > 5


def test_a_range_is_no_lock(tmp_path):
    (tmp_path / "requirements.txt").write_text("numpy>=2\n")
    with pytest.raises(ValueError, match="does not say one version"):
        audit.pins(tmp_path / "requirements.txt")


def test_what_an_image_holds_may_be_shipped(capsys):
    assert audit.check_licences() == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("BSD-3-Clause", True),
        ("MIT License", True),
        ("MPL-2.0 OR GPL-3.0", True),
        ("GNU General Public License v3 (GPLv3)", False),
        ("AGPL-3.0", False),
        ("", False),
        ("Proprietary", False),
    ],
)
def test_licences(text, allowed):
    assert audit.is_allowed(text) == allowed


def _answer(**package):
    return json.dumps({"dependencies": [{"name": "a", "version": "1", "vulns": []} | package]})


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (_answer(), 0, "1 packages audited, 0 known"),
        (_answer(vulns=[{"id": "CVE-1", "fix_versions": ["2"]}]), 1, "a 1: CVE-1, mended in 2"),
        (_answer(skip_reason="not found on PyPI"), 2, "NOT AUDITED"),  # pip-audit's own code is 0
        ("", 2, "NOT AUDITED"),
    ],
)
def test_silence_is_no_good_news(answer, code, told, capsys):
    assert audit.report("requirements.txt", answer) == code
    assert told in capsys.readouterr().out
