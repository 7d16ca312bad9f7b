"""Who may annotate on a server, and what it allows beside edits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nucseg_tf.annotation.editor.message import EditError
from nucseg_tf.annotation.editor.uploads import GIGABYTE, upload_suffixes


class UnknownUserError(EditError):
    """No name, or none of those given."""


@dataclass(frozen=True)
class Users:
    """Who may annotate.

    Attributes:
        default: name that edits are noted under where the page asks for none.
        ask: whether it asks.
        names: to choose from; any if empty.
    """

    default: str
    ask: bool = False
    names: tuple[str, ...] = ()

    def for_page(self) -> dict[str, Any]:
        """What the page needs to know of it."""
        return {"ask_user": self.ask, "users": self.names, "user": self.default}

    def check(self, name: str) -> str:
        """The name to note, from what the page sent."""
        if not self.ask:
            return self.default
        name = name.strip()
        if (self.names and name not in self.names) or not name:
            raise UnknownUserError(f"choose your name first. Received: {name!r}")
        return name


@dataclass(frozen=True)
class Features:
    """What a server allows beside edits.

    Attributes:
        chooser: whether pages may open other folders.
        upload: bytes of an image that is dropped on the page, at most.
    """

    chooser: bool = False
    upload: int = 2 * GIGABYTE

    def for_page(self) -> dict[str, Any]:
        """What the page needs to know of it."""
        return {
            "chooser": self.chooser,
            "upload": {"bytes": self.upload, "suffixes": upload_suffixes()},
        }
