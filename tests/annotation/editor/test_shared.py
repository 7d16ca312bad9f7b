"""Work that is done once for all who wait, and never too early."""

from __future__ import annotations

import asyncio
import threading

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
    first = shared.ask()
    assert begun.wait(PATIENCE)
    others = [shared.ask() for _ in range(8)]
    go_on.set()
    assert first.result(PATIENCE) == 1
    assert {other.result(PATIENCE) for other in others} == {2}
    assert len(calls) == 2
    assert asyncio.run(shared()) == 3  # nobody waited: it is made anew


def test_who_goes_away_ends_it_for_nobody_else():
    go_on = threading.Event()
    shared = Shared(lambda: go_on.wait(PATIENCE))

    async def two() -> bool:
        asking = [asyncio.create_task(shared()) for _ in range(2)]
        await asyncio.sleep(0.05)
        gone = asyncio.create_task(shared())  # these two wait for what has not begun
        stays = asyncio.create_task(shared())
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.sleep(0.05)
        go_on.set()
        assert all(await asyncio.gather(*asking))
        return await stays

    assert asyncio.run(two())


def test_an_error_is_told_and_the_next_one_tries_again():
    answers = iter([ValueError("no"), None])

    def work() -> str:
        if error := next(answers):
            raise error
        return "yes"

    shared = Shared(work)
    with pytest.raises(ValueError, match="no"):
        asyncio.run(shared())
    assert asyncio.run(shared()) == "yes"
