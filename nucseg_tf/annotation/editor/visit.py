"""A page that asks for something of a field, and why it may be refused."""

from __future__ import annotations

from dataclasses import dataclass

from nucseg_tf.annotation.editor.message import EditError


@dataclass(frozen=True)
class Visit:
    """What a page says with each request.

    Attributes:
        field: its key.
        page: random name of the window.
        user: whose it is.
        seconds: worked since its last request.
    """

    field: str
    page: str
    user: str
    seconds: float = 0


class ClosedError(EditError):
    """The project is no longer the one at work."""


class BegunError(EditError):
    """Fields were corrected already, on another plane."""


class LockedError(EditError):
    """Somebody else edits the field."""
