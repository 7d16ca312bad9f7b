"""Options that several commands share: what a value is, and the line of help about it.

A command takes one by annotating a parameter with it; a line of `Args` in its own docstring goes
before the shared one. `complete` puts both together into what fire shows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from nucseg_tf.engines import base
from nucseg_tf.registry import WRITERS

# --- reading of images
Channel = Annotated[str | None, "name, index from 0, or max, where images have several"]
Plane = Annotated[
    str | None, "plane, index from 0, or max, mean or focus of all, where images are stacks"
]
Invert = Annotated[bool, "exchange dark and bright, of images with dark nuclei"]
InvertOrModel = Annotated[
    bool | None,
    "exchange dark and bright, of images with dark nuclei; as the model was trained, otherwise",
]
PixelSize = Annotated[float | None, "of the images in µm; the file's own is used otherwise"]
Diameter = Annotated[
    str | None,
    "typical nucleus in px, to which the model's size is brought; auto finds it, native does not",
]
# --- plates
Pattern = Annotated[
    str | None, "regular expression of file names, see docs/plates.md; known kinds need none"
]
Columns = Annotated[int | None, "of the plate, where file names count its wells"]
SplitBinary = Annotated[bool, "each connected piece of a mask of two values is a nucleus"]
# --- models and devices
ModelsDir = Annotated[Path | None, "folder to search for models by name first"]
Device = Annotated[base.Device, "auto, cpu or gpu"]
Engine = Annotated[
    str, "auto, keras or openvino: what computes the network; auto is openvino on CPUs, if it can"
]
Precision = Annotated[
    Literal["auto", "f32", "bf16"],
    "auto, f32 or bf16; auto is bf16 where the CPU computes it and the model was checked in it",
]
# --- training
ConfigName = Annotated[
    Path, "YAML file, or the name of a configuration that comes with the program"
]
Data = Annotated[Path, "folder of images/ and masks/, or a CSV manifest"]
Changes = Annotated[
    tuple[str, ...], "KEY=VALUE that replaces one of the configuration; may be repeated"
]


def complete(function: Callable) -> Callable:
    """Write out what a command's signature says in short: shared options, and flags of writers.

    A parameter `**writers` becomes a flag for each of `registry.WRITERS`, with its line of help.

    Args:
        function: the command; it is changed.

    Returns:
        The same function.
    """
    hints = get_type_hints(function, include_extras=True)
    text = inspect.cleandoc(function.__doc__ or "")
    parameters, lines = [], []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            for flag, writer in WRITERS.items():
                parameters.append(_flag(flag))
                lines.append(f"{flag}: {writer.help}")
            continue
        hint = hints[name]
        if hasattr(hint, "__metadata__"):  # of Annotated
            kind = get_args(hint)[0]
            if get_origin(kind) is not Literal:  # whose choices are in its help
                parameter = parameter.replace(annotation=kind)
            if f"\n    {name}: " not in text:
                lines.append(f"{name}: {hint.__metadata__[0]}")
        parameters.append(parameter)
    _describe(function, parameters)
    function.__doc__ = _with_lines(text, lines)
    return function


def _flag(name: str) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=False, annotation="bool")


def _describe(function: Any, parameters: list[inspect.Parameter]) -> None:
    """Give a function the signature that fire and `arguments` see."""
    signature = inspect.signature(function).replace(parameters=parameters)
    function.__signature__ = signature
    returned = {"return": signature.return_annotation}
    function.__annotations__ = {p.name: p.annotation for p in parameters} | returned


def _with_lines(text: str, lines: list[str]) -> str:
    if not lines:
        return text
    head = text if "\nArgs:\n" in text else f"{text}\n\nArgs:"
    return "\n".join([head, *(f"    {line}" for line in lines)]) + "\n"
