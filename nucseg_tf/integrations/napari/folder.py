"""A folder with label images, maybe one that `nucseg predict` wrote into: its tables, its images.

What is missing of these is said by napari's notifications, and is no error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_warning

from nucseg_tf.errors import DataError, NucsegError
from nucseg_tf.inference.options import Options
from nucseg_tf.io.extras import load_extra
from nucseg_tf.screening.results import RECORD, Results, read_results

if TYPE_CHECKING:
    import pandas as pd

    from nucseg_tf.io.sources import Source


class Folder:
    """What a folder says of its label images.

    Args:
        folder: with or without run.json.
    """

    def __init__(self, folder: Path):
        self._place = folder.absolute()
        self._results: Results | None = None
        if (folder / RECORD).is_file():
            try:
                self._results = read_results(folder)
            except DataError as error:
                show_warning(f"Labels are shown without measurements: {error}")

    @property
    def record(self) -> Mapping[str, Any]:
        """What run.json says; {} without one."""
        return {} if self._results is None else self._results.record

    @cached_property
    def options(self) -> Options:
        """How images were looked at.

        Raises:
            UsageError: by run.json, in no way that there is.
        """
        said = self.record.get("options", {})
        return Options(
            **{field.name: said[field.name] for field in fields(Options) if field.name in said}
        )

    @property
    def first_time(self) -> int:
        """The frame that the first one of label stacks is of."""
        times = self.options.choice.t
        return times.start if isinstance(times, range) else 0

    def rows(self, name: str) -> pd.DataFrame | None:
        """The nuclei of an image; None where there is no table of them."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        rows = self._table
        if rows is None:
            return None
        for column in list(entry)[: list(entry).index("name")]:  # where nuclei are from, in tables
            rows = rows[rows[column].astype(str) == str(entry[column])]
        return rows.reset_index(drop=True)

    def image(self, name: str) -> np.ndarray | None:
        """What was predicted, of the same axes as its labels, if it is still there."""
        from nucseg_tf.inference.stages.read import Read
        from nucseg_tf.io.sources import find_views

        if name not in self._sources:
            return None
        try:
            series = find_views(self._sources[name], self.options.choice)
            reader = Read(self.options)
            planes = [reader(view).pixels for view in series.views]
        except NucsegError as error:
            show_warning(f"Labels are shown without their image: {error}")
            return None
        lengths = [length for length in series.shape if length is not None]
        return np.stack(planes).reshape(*lengths, *planes[0].shape)

    @cached_property
    def _entries(self) -> dict[str, dict[str, Any]]:
        """What run.json says of each image, by name."""
        return {entry["name"]: entry for entry in self.record.get("images", []) if "name" in entry}

    @cached_property
    def _table(self) -> pd.DataFrame | None:
        """All nuclei of the run; None where they cannot be read here."""
        import pandas as pd

        from nucseg_tf.io.cells import from_cell
        from nucseg_tf.screening.aggregate import ORIGIN

        if self._results is None:
            return pd.DataFrame()
        file = self._results.table
        if file.suffix == ".parquet":
            try:
                load_extra("pyarrow", "parquet", DataError)
            except DataError as error:
                show_warning(f"Labels are shown alone: {file}: {error}")
                return None
            return pd.read_parquet(file)
        texts = dict.fromkeys(ORIGIN, str)
        table = pd.read_csv(file, dtype=texts, keep_default_na=False, na_values=[""])
        said = [name for name in ORIGIN if name in table]
        table[said] = table[said].map(from_cell, na_action="ignore")
        return table

    @cached_property
    def _sources(self) -> dict[str, Source]:
        """The images, by name; {} if they are there no more."""
        from nucseg_tf.io.plates.sources import find_sources

        paths = [self._found(Path(path)) for path in self.record.get("paths", [])]
        said = self.record.get("options", {})
        wanted = [said.get(name) for name in ("scene", "pattern", "columns")]
        try:
            return {source.name: source for source in find_sources(paths, *wanted)}
        except NucsegError as error:
            show_warning(
                f"Labels are shown without their images: {error}. Their path is that of the run; "
                "start napari in the folder that it began in."
            )
            return {}

    def _found(self, path: Path) -> Path:
        """Where an image is: by its path from here, or from a folder around the results."""
        around = [parent / path for parent in self._place.parents]
        return next((one for one in (path, *around) if one.exists()), path)
