"""Fire's help as plain text, without what `arguments` does not accept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fire import helptext
from fire.trace import FireTrace

HELP_EDITS = (
    (r"\x1b\[[0-9;]*m", ""),  # bold
    (r"^( +)-\w, --", r"\1--"),  # one-letter flags
    (r"--(\w+)=\w+(\n +)Type: 'bool'\n +Default: False", r"--\1"),
    (r"^ +Default: None\n", ""),
    (r"Optional\['?(?:pathlib\.)?(\w+) \| None'?\]", r"\1"),
    (r"^ +Type: '?(?:Device|Precision)'?\n", ""),  # its choices are in the text
    (r"Type: '?tuple(?:\[str, ...\]')?\n +Default: \(\)", "Type: text, may be repeated"),
    (r"Type: '?Path'?$", "Type: path"),
    (r"Type: '?str'?$", "Type: text"),
    (r"Type: '?(float|int)'?$", r"Type: \1"),
)


def help_text(commands: Any, component: Any, path: Sequence[str], name: str) -> str:
    """The help of a command or a group of commands.

    Args:
        commands: all of them.
        component: the one.
        path: its name, in words.
        name: of the program.
    """
    trace = FireTrace(commands, name=name)
    for word in path:
        trace.AddAccessedProperty(component, word, [word], None, None)
    text = helptext.HelpText(component, trace)
    for pattern, replacement in HELP_EDITS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    text = re.sub(r"--\w+", lambda flag: flag[0].replace("_", "-"), text)
    return text.rstrip()
