from __future__ import annotations

import inspect
from pathlib import Path
from typing import get_type_hints

import pytest

from nucseg_tf.commands import table
from nucseg_tf.commands.arguments import check
from nucseg_tf.commands.options import Channel, Device, ModelsDir, Plane, complete
from nucseg_tf.errors import UsageError
from nucseg_tf.registry import WRITERS

COMMANDS = Path(table.__file__).parent
SHARED = {"__init__", "table", "options", "arguments", "helptext", "records", "settings", "spread"}


def completed():
    def command(
        folder: Path,
        *,
        channel: Channel = None,
        z: Plane = None,
        device: Device = "auto",
        **writers: bool,
    ) -> None:
        """Stand for a command.

        Args:
            folder: to look at
            z: its own words
        """

    return complete(command)


def other(*, models_dir: ModelsDir = None) -> None:
    """Say nothing of its options."""


def test_shared_options_bring_their_type_and_help():
    done = completed()
    hints = get_type_hints(done)
    assert hints["channel"] == str | None
    assert hints["folder"] is Path
    assert "channel: name, index from 0, or max, where images have several" in done.__doc__
    assert done.__doc__.count("z: ") == 1
    assert "z: its own words" in done.__doc__


def test_a_docstring_without_arguments_gets_them():
    assert complete(other).__doc__.endswith(
        "Args:\n    models_dir: folder to search for models by name first\n"
    )


def test_writers_are_flags(monkeypatch):
    class Thumbnail:
        ending, help = "_thumb.png", "also write STEM_thumb.png"

    monkeypatch.setattr(WRITERS, "_entries", {**WRITERS._entries, "thumb": Thumbnail()})
    done = completed()
    assert "thumb: also write STEM_thumb.png" in done.__doc__
    flags = [*inspect.signature(done).parameters][-5:]
    assert flags == ["overlay", "rois", "geojson", "labelme", "thumb"]
    assert check(done, ["x", "--thumb", "--rois"]) == ["--thumb=true", "--rois=true", "--folder=x"]
    with pytest.raises(UsageError, match="did you mean '--thumb"):
        check(done, ["x", "--tumb"])


def test_every_command_has_a_file_and_a_line():
    files = {path.stem for path in COMMANDS.glob("*.py")} - SHARED
    assert files == {key for key in vars(table.Commands) if not key.startswith("_")}
