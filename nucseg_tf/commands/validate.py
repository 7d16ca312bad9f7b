"""`nucseg validate`."""

from __future__ import annotations

from nucseg_tf.commands.options import Channel, Data, Invert, Plane, SplitBinary
from nucseg_tf.console import printable
from nucseg_tf.errors import DataError


def validate(
    data: Data,
    *,
    channel: Channel = None,
    z: Plane = None,
    invert: Invert = False,
    split_binary: SplitBinary = False,
) -> str:
    """Open every file of a data set and say what is wrong with it.

    Args:
    """
    from nucseg_tf.data.validate import validate

    report = validate(data, channel, z, invert, split_binary)
    for problem in report.problems:
        print(printable(f"{'warning' if problem.usable else 'error'}: {problem}"))
    summary = f"{report.usable} of {report.images} fields can be used"
    errors = sum(not problem.usable for problem in report.problems)
    if errors:
        raise DataError(f"{data}: {errors} errors; {summary}")
    return summary
