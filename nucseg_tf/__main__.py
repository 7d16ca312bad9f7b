"""The command line: argv is checked against the signature of a command, then fire runs it.

Fire alone would pass unknown flags on, guess types (`01` and `none` become values) and keep the
last of a repeated flag. So `check` reads argv by the annotations first and hands fire an
unambiguous form of it, `--name=text`, with the same functions that turn text into values.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some images failed, 130/143 interrupted.
"""

from __future__ import annotations

import difflib
import inspect
import json
import logging
import os
import re
import sys
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import fire
from fire import decorators, helptext
from fire.trace import FireTrace

from nucseg_tf import __version__, cli
from nucseg_tf.errors import ConfigError, NucsegError, UsageError

LOG = logging.getLogger("nucseg_tf")
NAME = "nucseg"
HELP = ("--help", "-h")
EXPECTED = {int: "a whole number", float: "a number", bool: "true or false"}
HELP_EDITS = (
    (r"\x1b\[[0-9;]*m", ""),  # bold
    (r"^( +)-\w, --", r"\1--"),  # one-letter flags
    (r"--(\w+)=\w+(\n +)Type: 'bool'\n +Default: False", r"--\1"),
    (r"^ +Default: None\n", ""),
    (r"Optional\['(\w+) \| None'\]", r"\1"),
    (r"^ +Type: '?Device'?\n", ""),  # its choices are in the text
    (r"Type: 'tuple\[str, ...\]'\n +Default: \(\)", "Type: text, may be repeated"),
    (r"Type: '?Path'?$", "Type: path"),
    (r"Type: '?str'?$", "Type: text"),
    (r"Type: '?(float|int)'?$", r"Type: \1"),
)
FLAGS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: arguments without the program's name; those of the process if None.

    Returns:
        The exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments or os.environ.get("NUCSEG_DEBUG") == "1"
    arguments = [argument for argument in arguments if argument != "--debug"]
    arguments = ["--device=gpu" if a == "--require-gpu" else a for a in arguments]  # a synonym
    _set_up_logging()
    _silence_tensorflow()
    path: list[str] = []
    try:
        run(arguments, path)
        sys.stdout.flush()
    except NucsegError as error:
        if debug:
            traceback.print_exc()
        _report(error, path)
        return error.exit_code
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except KeyboardInterrupt:
        print(f"{NAME}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def run(arguments: list[str], path: list[str]) -> None:
    """Find the command, check its arguments and let fire call it; or print help.

    Args:
        arguments: from the command line.
        path: filled with the names of the command, for messages.
    """
    component: Any = cli.Commands()
    while not inspect.isroutine(component):
        if not arguments or arguments[0] in HELP:
            print(help_text(component, path))
            return
        if arguments == ["--version"] and not path:
            print(NAME, __version__)
            return
        component = _member(component, arguments.pop(0), path)
    if any(argument in HELP for argument in arguments):
        print(help_text(component, path))
        return
    checked = check(component, arguments)
    fire.Fire(cli.Commands(), command=[*path, *checked], name=NAME)


def _member(component: Any, name: str, path: list[str]) -> Any:
    known = [key for key in dir(component) if not key.startswith("_")]
    if name not in known:
        kind = "flag" if name.startswith("-") else "command"
        raise UsageError(f"unknown {kind} {name}{_nearest(name, known)}")
    path.append(name)
    return getattr(component, name)


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; expected one of {', '.join(known)}"


def help_text(component: Any, path: Sequence[str]) -> str:
    """Fire's help as plain text, without what `check` does not accept."""
    trace = FireTrace(cli.Commands(), name=NAME)
    for name in path:
        trace.AddAccessedProperty(component, name, [name], None, None)
    text = helptext.HelpText(component, trace)
    for pattern, replacement in HELP_EDITS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    text = re.sub(r"--\w+", lambda flag: flag[0].replace("_", "-"), text)
    return text.rstrip()


# --- arguments -------------------------------------------------------------------------------


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
            raise UsageError(f"unknown flag {flag}{_nearest(_flag(name), names)}")
        if hints[name] is bool and not equals:
            text = "true"
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


# --- messages --------------------------------------------------------------------------------


def _report(error: NucsegError, path: Sequence[str]) -> None:
    print(f"{NAME}: error: {error}", file=sys.stderr)
    if isinstance(error, UsageError) and not isinstance(error, ConfigError):
        print(f"See {' '.join([NAME, *path])} --help", file=sys.stderr)


class _ToStderr(logging.Handler):
    """Writes to what is stderr at the moment, as progress bars replace it for a while."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        print(prefix + record.getMessage(), file=sys.stderr, flush=True)


def _set_up_logging() -> None:
    LOG.setLevel(logging.INFO)
    if not any(isinstance(handler, _ToStderr) for handler in LOG.handlers):
        LOG.addHandler(_ToStderr())


def _silence_tensorflow() -> None:
    """Keep TensorFlow's chatter from the terminal; the variable counts only before its import."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)


def program() -> None:
    """The program `nucseg`: runs a command, and ends with its code.

    After a signal it ends at once: results are written, and TensorFlow would take seconds more to
    clear away, while `docker stop` waits for ten.
    """
    code = main()
    if code > 128:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    program()
