"""run.json of a prediction, read: what merging and reports rely on is there, and of its type."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nucseg_tf.errors import DataError
from nucseg_tf.io.documents import from_json

Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]  # 1, but not "1"


class _Image(BaseModel):
    model_config = ConfigDict(extra="allow")

    image: str = ""
    name: str = ""
    nuclei: Annotated[int, Field(ge=0, lt=2**53, strict=True)]
    quality: dict[str, Number | None] | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not (self.image or self.name):
            raise ValueError("it has no name")
        return self


class _Failure(BaseModel):
    image: str
    reason: str


class _Record(BaseModel):
    images: list[_Image]
    failures: list[_Failure]
    columns: dict[str, str]
    options: dict[str, Any] = {}
    plates: dict[str, list[int]] | None = None


def read_record(path: Path) -> dict[str, Any]:
    """The content of a run.json.

    Raises:
        DataError: it cannot be read, or lacks what later steps need.
    """
    try:
        record = from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is no record of a run ({error}). Run it again.") from error
    check_record(path, record)
    return record


def check_record(path: Path, record: Any) -> None:
    """Refuse a record that is none; DataError, which names the file."""
    try:
        _Record.model_validate(record)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "top level"
        raise DataError(
            f"{path}: is no record of a run ({place}: {first['msg']}). Run it again."
        ) from error
