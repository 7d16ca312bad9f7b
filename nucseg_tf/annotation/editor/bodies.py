"""What the page sends with its requests, checked before anything is done; edits: `message`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from nucseg_tf.annotation.editor.message import Message
from nucseg_tf.annotation.editor.names import MAX_NAME
from nucseg_tf.annotation.editor.planes import PlaneChoice

# A page that was cut off for long tells of all its seconds at once.
Seconds = Annotated[float, Field(ge=0), AfterValidator(lambda seconds: min(seconds, 3600))]


class Body(BaseModel):
    """What every request of a page says."""

    model_config = ConfigDict(extra="forbid")

    field: str = Field(max_length=1000)
    page: str = Field(pattern=r"^[A-Za-z0-9-]{8,64}$")
    user: str = Field(default="", max_length=MAX_NAME, pattern=r"^[^\x00-\x1f\x7f]*$")
    seconds: Seconds = 0


class Open(Body):
    """Opens a field; `over` takes it from another window."""

    over: bool = False


class Edit(Body):
    """Edits a field."""

    edit: Message


class Review(Body):
    """Says that a suspect is right."""

    label: int


class Seen(Body):
    """Says which labels it shows."""

    revision: int = Field(ge=0)


class Aside(Seen):
    """Sets a field aside, or takes it back."""

    on: bool


class Planes(Body):
    """Chooses the plane that is shown of all images."""

    channel: str | None = Field(default=None, max_length=200)
    z: str | None = Field(default=None, max_length=20)
    t: str | None = Field(default=None, max_length=20)
    invert: bool = False
    over: bool = False

    @property
    def choice(self) -> PlaneChoice:
        return PlaneChoice(self.channel, self.z, self.t, self.invert)


class Choose(Body):
    """Takes a model into use."""

    name: str = Field(max_length=100)
