"""Work that is done once for all who wait, and never too early."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from nucseg_tf.annotation.editor.shared import Shared

PATIENCE = 20  # s


def test_who_waits_shares_what_begins_after_the_call():
    begun, go_on, calls = threading.Event(), threading.Event(), []

    def work() -> int:
        calls.append(len(calls))
        if len(calls) == 1:
            begun.set()
            assert go_on.wait(PATIENCE)
        return len(calls)

    shared = Shared(work)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(shared)
        assert begun.wait(PATIENCE)
        others = [pool.submit(shared) for _ in range(8)]
        threading.Event().wait(0.2)  # until each has called
        go_on.set()
        assert first.result(PATIENCE) == 1
        assert {other.result(PATIENCE) for other in others} == {2}
    assert len(calls) == 2
    assert shared() == 3  # nobody waited: it is made anew


def test_an_error_is_told_once():
    answers = iter([ValueError("no"), None])

    def work() -> str:
        if error := next(answers):
            raise error
        return "yes"

    shared = Shared(work)
    with pytest.raises(ValueError, match="no"):
        shared()
    assert shared() == "yes"
