"""The exceptions that nucseg_tf raises on purpose, each with its exit code.

NucsegError                 1  base: anything below ends a command with one line, no traceback
├── UsageError              2  wrong arguments, or options that contradict each other
│   └── ConfigError         2  a configuration file with an unknown key or a value out of range
├── DataError               1  input that cannot be used; the message names the file
│   ├── ImageReadError      1  an image that cannot be read
│   │   ├── ChoiceError     2  which part of it is meant is unclear, or it has no such one
│   │   │   └── PlaneChoiceError 2  of its channels, planes and times; otherwise of its scenes
│   │   └── TooLargeError   1  a file that claims more than memory holds, or than its bytes can fill
│   ├── LabelError          1  a label image that is not one (not integer, wrong shape, ...)
│   └── OutputError         1  a result that cannot be written
│       ├── BusyError       1  a folder that another process is at work in
│       └── DiskFullError   1  no space, or no more of one's share, where it is to be written
├── ModelError              1  a model folder that is damaged or of another format
│   └── UnknownModelError   2  a name that no model has, nor a folder
├── PeerError               1  another tool that cannot be run: no environment, no weights, it died
├── InitialisationError     1  pre-trained weights that are not at hand or do not fit
├── TrainingError           1  training that cannot go on (loss not finite, no data)
├── MemoryLimitError        1  more memory is needed than this process may have
├── ClusterError            1  a scheduler that cannot be reached, or parts of a run that fail there
└── SomeImagesFailed        3  a run that ended, but left images out (see failures.csv)
Signalled (SystemExit)    130  or 143: ended by Ctrl-C or SIGTERM, with the state saved

`EXIT_CODES` says what each means to whoever runs a command; docs/exit_codes.md is made of it.
"""

from __future__ import annotations

import signal


class NucsegError(Exception):
    """Base of all errors that nucseg_tf raises on purpose."""

    exit_code = 1


class UsageError(NucsegError):
    """Arguments that make no sense, alone or together."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration that does not fit its schema."""


class DataError(NucsegError):
    """Input data that cannot be used."""


class ImageReadError(DataError):
    """An image file that cannot be read as one two-dimensional image."""


class ChoiceError(ImageReadError):
    """An image of which another part was asked for than it has, or none, where it has several.

    Where it ends a command, no image has what was asked for; so the command is to be changed.
    """

    exit_code = UsageError.exit_code


class PlaneChoiceError(ChoiceError):
    """Channel, plane or time of an image: a choice is missing, or out of range."""


class TooLargeError(ImageReadError):
    """A file that claims more than memory holds, or more than its bytes can fill."""


class LabelError(DataError):
    """A label image that is not one, or that does not fit its image."""


class OutputError(DataError):
    """A result that cannot be written where it was asked for."""


class BusyError(OutputError):
    """A folder in which another process is at work."""


class DiskFullError(OutputError):
    """A result for which there is no space; so there is none for other ones."""


class ModelError(NucsegError):
    """A model folder that cannot be used."""


class UnknownModelError(ModelError):
    """A name that no model has, nor a folder."""

    exit_code = UsageError.exit_code


class PeerError(NucsegError):
    """Another tool that cannot be run here; where there is more to be done, it is left out."""


class InitialisationError(NucsegError):
    """Pre-trained weights that are missing or do not fit the network."""


class TrainingError(NucsegError):
    """Training that cannot start or cannot go on."""


class MemoryLimitError(NucsegError):
    """Work that needs more memory than this process may have."""


class ClusterError(NucsegError):
    """Other machines that cannot be reached, or that cannot do their part."""


class SomeImagesFailed(NucsegError):  # noqa: N818 - the run itself is done
    """A run that finished, with some images left out and listed in failures.csv."""

    exit_code = 3


class Signalled(SystemExit):
    """The end of a command that a signal stopped, when what it has done is saved.

    Args:
        number: of the signal; the exit code is 128 more, as of what a shell starts.
    """

    def __init__(self, number: int = signal.SIGTERM):
        super().__init__(128 + number)


EXIT_CODES = {
    0: "done, all of it",
    NucsegError.exit_code: (
        "failed: a file, folder or model cannot be used, or a result not be written. One line "
        "names it and says what to do (`--debug` or `NUCSEG_DEBUG=1` shows the traceback). A "
        "traceback without these is a bug: please report it"
    ),
    UsageError.exit_code: (
        "wrong usage: a flag, value, configuration or combination that makes no sense; a path or "
        "name on the command line that does not exist; a channel, plane, time or scene that no "
        "image of the run has, or that must be chosen. Nothing was done or written"
    ),
    SomeImagesFailed.exit_code: "done, but some images failed: see `failures.csv`",
    128 + signal.SIGINT: (
        "interrupted by Ctrl-C; a training has saved its state, a prediction what it has done: the "
        "same command goes on"
    ),
    128 + signal.SIGTERM: (
        "ended by SIGTERM; the same, and a prediction has finished the images under way and "
        "written its tables so far"
    ),
}
