"""What a page shows of a field: its numbers, its suspects, and what an edit has changed."""

from __future__ import annotations

from typing import Any

from nucseg_tf.annotation.editor.journal import Entry
from nucseg_tf.annotation.editor.shelf import sha256
from nucseg_tf.annotation.editor.store import Store


def numbers_of(store: Store) -> dict[str, Any]:
    """The numbers that the page shows of a field."""
    return {
        "revision": store.revision,
        "status": store.history.status,
        "count": len(store.labels.nuclei),
        "suspects_left": sum(not suspect["done"] for suspect in suspects_of(store)),
        "undo": len(store.undo),
        "redo": len(store.redo),
        "regions": store.regions,
    }


def suspects_of(store: Store) -> list[dict[str, Any]]:
    """Those of the labels that the work began from, by rank; `done` where looked at."""
    done, nuclei = store.history.looked_at, store.labels.nuclei
    return [
        suspect | {"done": suspect["label"] in done}
        for suspect in store.begin["suspects"]
        if suspect["label"] in nuclei
    ]


def sum_up(store: Store) -> dict[str, Any]:
    """History and numbers, for history.json and the page."""
    shown = numbers_of(store)
    numbers = {"nuclei": shown["count"], "suspects_left": shown["suspects_left"]}
    numbers["regions"] = len(shown["regions"])
    return {"field": store.field.key} | store.history.summary() | numbers


def prelabels_changed(store: Store) -> bool:
    """Whether the prelabels are others than those that the work began from."""
    begin, path = store.begin, store.field.prelabels
    if begin["from"] != "prelabels" or path is None or not path.is_file():
        return False
    return sha256(path) != begin["sha256"]


def answer(store: Store, tool: str, change: Entry | None = None) -> dict[str, Any]:
    """What the last step changed, and what the page shows beside it."""
    change = change or store.changed(tool)
    if change["type"] == "region":
        nothing = {"box": [0, 0, 0, 0], "runs": []}
        return {"patch": nothing, "nuclei": {}, "select": [], **numbers_of(store)}
    back = tool == "undo"
    nuclei = store.labels.nuclei
    found = {label: nuclei.get(label) for label in change["touched"]}
    chosen = change["touched"] if back else change["chosen"]
    return {
        "patch": {"box": change["box"], "runs": change["before" if back else "after"]},
        "nuclei": {key: [n.area, *n.box] if n else None for key, n in found.items()},
        "select": [label for label in chosen if label in nuclei],
        **numbers_of(store),
    }
