"""Names of channels as names of columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable


def name_columns(
    channels: Iterable[str], endings: Iterable[str], taken: Iterable[str]
) -> list[dict[str, str]]:
    """The columns of each channel: ending -> name, each name once.

    Names consist of letters, digits and underscores, so that neither a spreadsheet nor a data frame
    stumbles over them; anything else becomes an underscore. A channel without such characters is
    called by its number, and one whose columns are there already gets a number behind its name.

    Args:
        channels: names, as in the file.
        endings: what is measured in each.
        taken: names of other columns.

    >>> name_columns(["EGFP (488)", "=1+1"], ["mean"], [])
    [{'mean': 'EGFP_488_mean'}, {'mean': '1_1_mean'}]
    >>> name_columns(["Hoechst", "Hoechst", "?"], ["mean"], [])
    [{'mean': 'Hoechst_mean'}, {'mean': 'Hoechst_2_mean'}, {'mean': 'channel_3_mean'}]
    """
    endings, used = list(endings), set(taken)
    found = []
    for number, channel in enumerate(channels, start=1):
        plain = re.sub(r"[\W_]+", "_", unicodedata.normalize("NFKC", channel)).strip("_")
        name = plain = plain or f"channel_{number}"
        further = 2
        while used & {f"{name}_{ending}" for ending in endings}:
            name, further = f"{plain}_{further}", further + 1
        columns = {ending: f"{name}_{ending}" for ending in endings}
        used |= set(columns.values())
        found.append(columns)
    return found
