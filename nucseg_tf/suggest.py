"""What to say of a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[str]) -> str:
    """The known name that was probably meant, or all of them.

    Args:
        name: as it came; case does not matter.
        known: to choose from.

    Returns:
        "did you mean 'NAME'?" or "expected one of NAME, NAME, ...", to end a message with.

    >>> nearest("predcit", ["predict", "plate"])
    "did you mean 'predict'?"
    >>> nearest("x", ["predict", "plate"])
    'expected one of predict, plate'
    """
    names = {text.casefold(): text for text in known}
    near = difflib.get_close_matches(str(name).casefold(), names, n=1)
    if near:
        return f"did you mean {names[near[0]]!r}?"
    return f"expected one of {', '.join(names.values())}" if names else "none is known"
