"""What of an SVG is shown, and how it is filled: by styles, style sheets and attributes.

Of style sheets rules for classes (`.a, .b {...}`) are read, which programs for drawings write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from nucseg_tf.io.plain_xml import Element

DISPLAY, VISIBILITY, FILL_RULE = "display", "visibility", "fill-rule"
_CLASS = re.compile(r"\.([\w-]+)")
_SAYS = {
    name: re.compile(rf"(?<![\w-]){name}\s*:\s*([\w-]+)")
    for name in (DISPLAY, VISIBILITY, FILL_RULE)
}
Sheet = dict[str, dict[str, str]]  # what is said, by property and class


def sheet_of(text: str) -> Sheet:
    """What a style sheet says.

    >>> sheet_of("/* .a{display:inline} */ .a,.b{fill:red;display:none}")
    {'display': {'a': 'none', 'b': 'none'}, 'visibility': {}, 'fill-rule': {}}
    """
    first, *others = text.split("/*")
    shown = first + "".join(other.partition("*/")[2] for other in others)
    rules = [block.partition("{") for block in shown.split("}")]
    sheet: Sheet = {name: {} for name in _SAYS}
    for names, _, rule in rules:
        for name, classes in sheet.items():
            if said := _said(name, rule):
                classes |= dict.fromkeys(_CLASS.findall(names), said)
    return sheet


def is_shown(element: Element, sheet: Sheet) -> bool:
    """Whether an element is drawn: no part of what is left out, and not made invisible."""
    if "none" in _values(DISPLAY, element, sheet):
        return False
    return next(_values(VISIBILITY, element, sheet), "") not in ("hidden", "collapse")


def is_evenodd(element: Element, sheet: Sheet) -> bool:
    """Whether a piece of a shape in another one is a hole, whichever way it goes round."""
    return next(_values(FILL_RULE, element, sheet), "") == "evenodd"


def _values(name: str, element: Element, sheet: Sheet) -> Iterator[str]:
    """What is said of a property: of an element, then of those around it."""
    for attributes in (element.attributes, *(attributes for _, attributes in element.around[::-1])):
        value = _said(name, attributes.get("style", ""))
        if not value:
            classes = sheet.get(name, {})
            found = sorted(classes.keys() & _named(attributes.get("class", "")))
            value = classes[found[0]] if found else attributes.get(name, "").strip()
        if value and value != "inherit":
            yield value


# Styles and classes of a group are asked for each element in it, and may be as long as the file.
@lru_cache(64)
def _said(name: str, style: str) -> str:
    """What a style says of a property; nothing without."""
    found = _SAYS[name].search(style)
    return found[1] if found else ""


@lru_cache(64)
def _named(classes: str) -> frozenset[str]:
    """Names in a `class`."""
    return frozenset(classes.split())
