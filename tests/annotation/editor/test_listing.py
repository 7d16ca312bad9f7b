"""The list of fields, by what has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from nucseg_tf.annotation.editor import listing
from nucseg_tf.annotation.editor.listing import Listing


class Rows:
    """Rows that a test changes; it counts what is asked for."""

    def __init__(self, count: int):
        self.values = {f"f{number}": 0 for number in range(count)}
        self.looks = 0
        self.asked: list[str] = []

    def of(self, key: str) -> dict:
        self.asked.append(key)
        return {"key": key, "value": self.values[key]}

    def all(self) -> Iterator[dict]:
        self.looks += 1
        return ({"key": key, "value": value} for key, value in self.values.items())


@pytest.fixture
def rows() -> Rows:
    return Rows(4)


@pytest.fixture
def listed(rows) -> Listing:
    made = Listing(rows)
    made.look()
    return made


def keys(changes: listing.Changes) -> list[str]:
    return [json.loads(row)["key"] for row in changes.rows]


def test_a_page_is_sent_the_rows_that_are_others_now(rows, listed):
    first = listed.since()
    assert (keys(first), first.whole) == (["f0", "f1", "f2", "f3"], True)
    rows.values |= {"f1": 1, "f2": 1}
    listed.touch("f2")
    listed.touch("f3")
    listed.follow(None)
    second = listed.since(first.seen)
    assert (keys(second), second.whole) == (["f2"], False)  # nobody has told of f1
    assert keys(listed.since(second.seen)) == []
    assert set(rows.asked) == {"f2", "f3"}
    listed.look()
    assert keys(listed.since(second.seen)) == ["f1"]
    assert keys(listed.since(first.seen)) == ["f1", "f2"]


def test_new_fields_come_at_the_end(rows, listed):
    seen = listed.since().seen
    rows.values["a"] = 0
    listed.touch("a")
    listed.follow(None)
    assert keys(listed.since(seen)) == ["a"]
    assert keys(listed.since()) == ["f0", "f1", "f2", "f3", "a"]


@pytest.mark.parametrize("seen", ["", "x", "1", "00000000-1", "-1", "{run}-", "{run}-x", "{run}-²"])
def test_who_knows_another_list_is_sent_the_whole_one(listed, seen):
    run = listed.since().seen.partition("-")[0]
    assert listed.since(seen.format(run=run)).whole


def test_all_is_looked_at_where_anything_may_have_changed_but_not_all_the_time(rows, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(listing.time, "monotonic", lambda: now[0])
    work = rows.all

    def slow() -> Iterator[dict]:
        now[0] += 2.0
        return work()

    rows.all, listed = slow, Listing(rows)
    listed.follow("v1")  # at once
    listed.follow("v1")  # nothing new
    listed.follow("v2")  # too early
    assert rows.looks == 1
    now[0] += listing.REST * 2.0
    listed.follow("v2")
    assert rows.looks == 2


def test_an_answer_has_rows_only_where_there_are_some(rows, listed):
    whole = json.loads(listed.since().added_to({"name": "n"}))
    assert (whole["name"], whole["whole"], len(whole["fields"])) == ("n", True, 4)
    assert json.loads(listed.since(whole["seen"]).added_to({})) == {"seen": whole["seen"]}
    nothing = json.loads(Listing(Rows(0)).since().added_to({}))
    assert (nothing["fields"], nothing["whole"]) == ([], True)
