"""What the page may ask for: an edit as a small message, checked before anything is done."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nucseg_tf.errors import DataError

Tool = Literal[
    "draw", "polygon", "magic", "erase", "split", "merge", "delete", "fill", "grow", "shrink"
]
NEEDS_POINTS = {"draw": 1, "polygon": 3, "magic": 1, "erase": 1, "split": 2}
NEEDS_LABELS = {"merge": 2, "delete": 1, "fill": 1, "grow": 1, "shrink": 1}
Coordinate = Annotated[float, Field(ge=-1e5, le=1e6, allow_inf_nan=False)]


class EditError(DataError):
    """An edit that cannot be made; the message says so to the annotator."""


class Message(BaseModel):
    """What the page asks for.

    Attributes:
        id: of the edit, drawn by the page, so that one sent twice is made once.
        revision: of the labels that the annotator saw.
        tool: its name.
        points: (row, column) of what was drawn.
        size: diameter of the brush in px.
        labels: the selected nuclei.
        over: whether painting takes pixels from other nuclei.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str = Field(pattern=r"^[A-Za-z0-9-]{8,64}$")
    revision: int = Field(ge=0)
    tool: Tool | Literal["undo", "redo"]
    points: list[Annotated[list[Coordinate], Field(min_length=2, max_length=2)]] = Field(
        default=[], max_length=20_000
    )
    size: int = Field(default=1, ge=1, le=201)
    labels: list[Annotated[int, Field(ge=1, le=2**31 - 1)]] = Field(default=[], max_length=10_000)
    over: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name, needs in (("points", NEEDS_POINTS), ("labels", NEEDS_LABELS)):
            count, least = len(getattr(self, name)), needs.get(self.tool, 0)
            if count < least:
                raise ValueError(f"{self.tool} needs {least} {name}. Received: {count}")
        return self
