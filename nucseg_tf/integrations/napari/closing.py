"""Hears that a docked widget is closed.

napari deletes the dock and leaves the widget without a parent, for whoever still holds it; Qt tells
of its deletion only where the whole window goes. A dock that is hidden keeps its widget.
"""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget


class Closing(QObject):
    """Calls a function when the widget is closed, maybe more than once; is to be held.

    Args:
        widget: that is, or will be, docked.
        then: is called.
    """

    def __init__(self, widget: QWidget, then: Callable[[], None]):
        super().__init__()
        self._then = then
        widget.installEventFilter(self)
        widget.destroyed.connect(self._tell)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Nothing is kept from the widget."""
        moved = event is not None and event.type() == QEvent.Type.ParentChange
        if moved and watched is not None and watched.parent() is None:
            self._tell()
        return False

    def _tell(self, *_: object) -> None:
        self._then()
