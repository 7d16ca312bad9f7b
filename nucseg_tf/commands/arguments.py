"""argv, checked against the signature of a command, in a form that fire cannot misread.

Fire alone would pass unknown flags on, guess types (`01` and `none` become values) and keep the
last of a repeated flag. So `check` reads argv by the annotations first and hands fire an
unambiguous form of it, `--name=text`, with the same functions that turn text into values.
"""

from __future__ import annotations

import inspect
import json
from collections import deque
from collections.abc import Callable, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from fire import decorators

from nucseg_tf.errors import UsageError
from nucseg_tf.suggest import nearest

EXPECTED = {int: "a whole number", float: "a number", bool: "true or false"}
FLAGS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def check(function: Callable, arguments: Sequence[str]) -> list[str]:
    """Read arguments by a function's signature.

    Args:
        function: a command; gets the functions with which fire parses its values.
        arguments: what follows the command.

    Returns:
        The same arguments for fire: `--name=text` each, and the files of `*paths`.

    Raises:
        UsageError: unknown, repeated, missing or surplus argument, or a value of a wrong type.
    """
    parameters = inspect.signature(function).parameters
    hints = get_type_hints(function)
    parsers = {name: _parser(hints[name]) for name in parameters}
    many = [name for name in parameters if get_origin(hints[name]) is tuple]
    texts, rest = _sort(parameters, hints, arguments)
    _fill(parameters, texts, rest)
    checked = []
    for name, values in texts.items():
        if len(values) > 1 and name not in many:
            raise UsageError(f"{_flag(name)} is given more than once")
        text = json.dumps(values) if name in many else values[0]
        _try(parsers[name], text, name, hints[name])
        checked.append(f"--{name}={text}")
    decorators.SetParseFns(**parsers)(function)
    decorators.SetParseFn(str)(function)
    for name, parameter in parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            decorators.SetParseFn(parsers[name])(function)
    return checked + [f"./{text}" if text.startswith("-") else text for text in rest]


def _sort(parameters, hints, arguments: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Tell flags with their values from the rest."""
    known = {name for name, parameter in parameters.items() if parameter.kind in FLAGS}
    texts: dict[str, list[str]] = {}
    rest: list[str] = []
    waiting = deque(arguments)
    while waiting:
        argument = waiting.popleft()
        if not argument:  # as a path it would be the folder one is in
            raise UsageError("an argument is empty: is a variable of the shell not set?")
        if argument == "--":
            rest += waiting
            break
        if not argument.startswith("-"):
            rest.append(argument)
            continue
        flag, equals, text = argument.partition("=")
        name = flag.removeprefix("--").replace("-", "_")
        if name not in known or not flag.startswith("--"):
            names = [_flag(key) for key in parameters if key in known]
            raise UsageError(f"unknown flag {flag}; {nearest(_flag(name), names)}")
        if bool in (hints[name], *get_args(hints[name])) and not equals:
            text = "true"
            if waiting and waiting[0].lower() in ("true", "false"):
                raise UsageError(f"{flag} {waiting[0]}: write {flag}={waiting[0].lower()}")
        elif not equals and waiting and not waiting[0].startswith("--"):
            text = waiting.popleft()
        if not text:
            raise UsageError(f"{_flag(name)} expects a value")
        texts.setdefault(name, []).append(text)
    return texts, rest


def _fill(parameters, texts: dict[str, list[str]], rest: list[str]) -> None:
    """Give the rest to parameters by position; what `*paths` takes stays in `rest`."""
    takes_all = False
    for name, parameter in parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            takes_all = True
            if not rest:
                raise UsageError(f"expected {name.upper()}, found none")
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD and rest and name not in texts:
            texts[name] = [rest.pop(0)]
        elif parameter.default is parameter.empty and name not in texts:
            flag = parameter.kind is parameter.KEYWORD_ONLY
            raise UsageError(f"{_flag(name) if flag else name.upper()} is missing")
    if rest and not takes_all:
        raise UsageError(f"unexpected argument {rest[0]!r}")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _parser(hint: Any) -> Callable[[str], Any]:
    """The function that turns text into a value of an annotated type."""
    if get_origin(hint) in (Union, UnionType):
        hint = next(part for part in get_args(hint) if part is not NoneType)
    if get_origin(hint) is tuple:
        return lambda text: tuple(json.loads(text))
    if get_origin(hint) is Literal:
        return lambda text: get_args(hint)[get_args(hint).index(text)]
    if hint is bool:
        return lambda text: {"true": True, "false": False}[text.lower()]
    return hint


def _try(parser: Callable[[str], Any], text: str, name: str, hint: Any) -> None:
    try:
        parser(text)
    except (ValueError, KeyError) as error:
        choices = " or ".join(get_args(hint)) if get_origin(hint) is Literal else ""
        parts = {hint, *get_args(hint)}
        expected = choices or next(text for kind, text in EXPECTED.items() if kind in parts)
        raise UsageError(f"{_flag(name)}: expected {expected}. Received: {text!r}") from error
