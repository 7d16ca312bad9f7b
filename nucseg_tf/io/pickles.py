"""What a pickle may ask for, looked at before it is read.

Nothing that a pickle names is run by our readers, but ten bytes of it can still make Python take
tens of GiB: a place in its memo far behind the last, or a text that is said to be longer than the
file.
"""

from __future__ import annotations

import io
import pickletools

_PLACES = {"PUT", "BINPUT", "LONG_BINPUT"}


def check_pickle(stream: io.BytesIO) -> None:
    """Refuse a pickle that would take more memory than its length lets expect.

    Args:
        stream: of all of a file, so that nothing can be read that is not there; at the beginning of
            a pickle, where it is left.

    Raises:
        ValueError: it does, it is cut short, or it is none.
    """
    start = stream.tell()
    for number, (operation, argument, _) in enumerate(pickletools.genops(stream), start=1):
        if operation.name in _PLACES and isinstance(argument, int) and argument > number:
            raise ValueError(f"it remembers {number} things at most, one at {argument}")
    stream.seek(start)
