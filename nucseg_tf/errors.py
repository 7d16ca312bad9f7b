"""The exceptions that nucseg_tf raises on purpose, each with its exit code.

NucsegError                 1  base: anything below ends a command with one line, no traceback
├── UsageError              2  wrong arguments, or options that contradict each other
│   └── ConfigError         2  a configuration file with an unknown key or a value out of range
├── DataError               1  input that cannot be used; the message names the file
│   ├── ImageReadError      1  an image that cannot be read, or is ambiguous (scenes, positions)
│   │   ├── PlaneChoiceError 1  which of its planes is meant is unclear, or it has no such one
│   │   └── TooLargeError   1  a file that claims more than memory holds, or than its bytes can fill
│   ├── LabelError          1  a label image that is not one (not integer, wrong shape, ...)
│   └── OutputError         1  a result that cannot be written
│       ├── BusyError       1  a folder that another process is at work in
│       └── DiskFullError   1  no space, or no more of one's share, where it is to be written
├── ModelError              1  a model folder that is missing, damaged or of another format
├── InitialisationError     1  pre-trained weights that are not at hand or do not fit
├── TrainingError           1  training that cannot go on (loss not finite, no data)
├── MemoryLimitError        1  more memory is needed than this process may have
├── ClusterError            1  a scheduler that cannot be reached, or parts of a run that fail there
└── SomeImagesFailed        3  a run that ended, but left images out (see failures.csv)
"""

from __future__ import annotations


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


class PlaneChoiceError(ImageReadError):
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
