"""XML that nobody trusts, element by element: no document types, no entities, bounded memory.

Files of microscopes grow to gigabytes where they list every image; so they are never held whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

from nucseg_tf.errors import DataError, ImageReadError

CHUNK = 2**18  # bytes read at a time
MAX_BYTES = 2**29  # of a file that are looked at
MAX_DEPTH = 64
MAX_TEXT = 2**16  # characters in one element


class Around(NamedTuple):
    """An element that has not ended."""

    tag: str
    attributes: dict[str, str]


class Element(NamedTuple):
    """An element at its end; names are without their namespace's prefix.

    Attributes:
        tag: its name.
        attributes: its own.
        text: what stands in it, outside of inner elements and without blanks around it.
        around: the elements around it, the outermost first.
    """

    tag: str
    attributes: dict[str, str]
    text: str
    around: tuple[Around, ...]

    @property
    def parent(self) -> dict[str, str]:
        """Attributes of the element around it."""
        return self.around[-1].attributes if self.around else {}


def read_elements(
    path: Path, doctype: bool = False, data: bytes | None = None
) -> Iterator[Element]:
    """Elements of a file, each as it ends; whoever has what he looked for may stop.

    Args:
        path: of the file.
        doctype: whether it may name a document type, as SVG does; which is not looked at, and must
            not declare anything in the file itself.
        data: its content, where it is no file of its own.

    Raises:
        DataError: it cannot be read, is no XML, declares a document type, or is beyond a limit.
    """
    parser, reader = expat.ParserCreate(), _Reader()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    # Entities can be declared nowhere else.
    parser.StartDoctypeDeclHandler = _refuse_declarations if doctype else _refuse
    read = 0
    try:
        with path.open("rb") if data is None else io.BytesIO(data) as stream:
            while chunk := stream.read(CHUNK):
                read += len(chunk)
                if read > MAX_BYTES:
                    raise _LimitError(f"is larger than {MAX_BYTES >> 20} MiB")
                parser.Parse(chunk, False)
                yield from reader.take()
            parser.Parse(b"", True)
            yield from reader.take()
    except _DeclaredError as error:
        raise DataError(f"{path}: {error}") from error
    # An encoding that expat does not know is a LookupError, or a ValueError.
    except (expat.ExpatError, LookupError, OSError, ValueError, _LimitError) as error:
        raise DataError(
            f"{path}: cannot be read as XML: {error}. Copy it again, or remove it."
        ) from error


def parse_text(path: Path, text: str | bytes) -> ElementTree.Element:
    """A text of metadata that is held already, as a tree.

    Args:
        path: of the file that it is from, for messages.
        text: the XML.

    Raises:
        ImageReadError: it declares a document type, or is beyond a limit.
        ElementTree.ParseError: it is no XML.
    """
    parser = ElementTree.XMLParser(target=_Builder(path))
    parser.feed(text)
    return parser.close()


class _Builder(ElementTree.TreeBuilder):
    """Builds a tree without document types, of limited depth."""

    def __init__(self, path: Path):
        super().__init__()
        self._path, self._depth = path, 0

    def doctype(self, *declared: object) -> None:
        raise ImageReadError(f"{self._path}: its metadata declare a document type. Save it anew.")

    def start(self, tag: str, attributes: dict[str, str]) -> ElementTree.Element:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ImageReadError(f"{self._path}: its metadata are nested deeper than {MAX_DEPTH}")
        return super().start(tag, attributes)

    def end(self, tag: str) -> ElementTree.Element:
        self._depth -= 1
        return super().end(tag)


class _LimitError(Exception):
    """What no file of a microscope needs."""


class _DeclaredError(Exception):
    """Entities, or what could hold them."""


@dataclass
class _Open:
    """An element that has not ended, and what is around it."""

    element: Around
    around: tuple[Around, ...]
    text: str = ""


class _Reader:
    """Collects elements from what the parser calls."""

    def __init__(self) -> None:
        self._done: list[Element] = []
        self._open: list[_Open] = []

    def take(self) -> list[Element]:
        done, self._done = self._done, []
        return done

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise _LimitError(f"elements are nested deeper than {MAX_DEPTH}")
        plain = {key: value for key, value in attributes.items() if ":" not in key}
        others = {_local(key): value for key, value in attributes.items() if key not in plain}
        inner = Around(_local(name), others | plain)
        outer = (*self._open[-1].around, self._open[-1].element) if self._open else ()
        self._open.append(_Open(inner, outer))

    def text(self, text: str) -> None:
        if text.isspace():  # between the elements of a long list
            return
        element = self._open[-1]
        element.text += text
        if len(element.text) > MAX_TEXT:
            raise _LimitError(f"an element holds more than {MAX_TEXT} characters")

    def end(self, name: str) -> None:
        ended = self._open.pop()
        self._done.append(Element(*ended.element, ended.text.strip(), ended.around))


def _refuse(*arguments: object) -> None:
    raise _LimitError("it declares a document type, which no microscope does")


def _refuse_declarations(_: str, __: str | None, ___: str | None, has_declarations: int) -> None:
    if has_declarations:
        raise _DeclaredError(
            "declares entities, as drawings of Illustrator do that keep its editing capabilities. "
            "Save it without these, or as plain SVG."
        )


def _local(name: str) -> str:
    return name.rpartition(":")[2]
