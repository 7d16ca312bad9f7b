"""What the page may not ask for."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nucseg_tf.annotation.editor.message import Message


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"tool": "explode"}, "tool"),
        ({"points": [[1, 2]] * 20_001}, "points"),
        ({"points": [[1, 2, 3]]}, "points"),
        ({"points": [[float("nan"), 2]]}, "points"),
        ({"points": [[1e9, 2]]}, "points"),
        ({"points": []}, "draw needs 1 points"),
        ({"size": 202}, "size"),
        ({"size": "9"}, "size"),
        ({"labels": [-1]}, "labels"),
        ({"revision": -1}, "revision"),
        ({"id": "../../x"}, "id"),
        ({"path": "/etc/passwd"}, "path"),
    ],
)
def test_messages_that_make_no_sense_are_refused(change, problem):
    good = {"id": "x" * 8, "revision": 0, "tool": "draw", "points": [[1, 2]]}
    Message(**good)
    with pytest.raises(ValidationError, match=problem):
        Message(**good | change)
