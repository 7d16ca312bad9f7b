"""The command line: argv is checked against the signature of a command, then fire runs it.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some images failed, 130/143 interrupted.
"""

from __future__ import annotations

import inspect
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fire

from nucseg_tf import __version__
from nucseg_tf.commands.arguments import check
from nucseg_tf.commands.helptext import help_text
from nucseg_tf.commands.table import Commands
from nucseg_tf.console import printable
from nucseg_tf.errors import ConfigError, NucsegError, UsageError
from nucseg_tf.imaging.memory import explain, is_exhausted
from nucseg_tf.io.files import reason
from nucseg_tf.suggest import nearest

LOG = logging.getLogger("nucseg_tf")
NAME = "nucseg"
HELP = ("--help", "-h")


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
    except Exception as error:
        return _report_unforeseen(error, debug)
    return 0


def run(arguments: list[str], path: list[str]) -> None:
    """Find the command, check its arguments and let fire call it; or print help.

    Args:
        arguments: from the command line.
        path: filled with the names of the command, for messages.
    """
    commands = Commands()
    component: Any = commands
    while not inspect.isroutine(component):
        if not arguments or arguments[0] in HELP:
            print(help_text(commands, component, path, NAME))
            return
        if arguments == ["--version"] and not path:
            print(NAME, __version__)
            return
        component = _member(component, arguments.pop(0), path)
    if any(argument in HELP for argument in arguments):
        print(help_text(commands, component, path, NAME))
        return
    checked = check(component, arguments)
    fire.Fire(commands, command=[*path, *checked], name=NAME)


def _member(component: Any, name: str, path: list[str]) -> Any:
    known = [key for key in dir(component) if not key.startswith("_")]
    if name not in known:
        kind = "flag" if name.startswith("-") else "command"
        raise UsageError(f"unknown {kind} {name}; {nearest(name, known)}")
    path.append(name)
    return getattr(component, name)


def _report(error: NucsegError, path: Sequence[str]) -> None:
    print(printable(f"{NAME}: error: {error}"), file=sys.stderr)
    if isinstance(error, UsageError) and not isinstance(error, ConfigError):
        print(f"See {' '.join([NAME, *path])} --help", file=sys.stderr)


def _report_unforeseen(error: Exception, debug: bool) -> int:
    """A line for what is wrong with the machine, not with the program; else the traceback."""
    if is_exhausted(error) and not debug:
        print(f"{NAME}: error: {explain(error)}", file=sys.stderr)
    elif isinstance(error, OSError) and error.filename is not None and not debug:
        path = Path(os.fsdecode(error.filename))
        print(f"{NAME}: error: {path}: {reason(error, path.parent)}", file=sys.stderr)
    else:
        traceback.print_exc()
    return 1


class _ToStderr(logging.Handler):
    """Writes to what is stderr at the moment, as progress bars replace it for a while."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        print(printable(prefix + record.getMessage()), file=sys.stderr, flush=True)


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
