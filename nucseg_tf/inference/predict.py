"""From images to a folder of results."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from nucseg_tf import __version__
from nucseg_tf.errors import ChoiceError, DiskFullError, UsageError
from nucseg_tf.inference.fields import write_fields
from nucseg_tf.inference.folder_lock import only_run_in
from nucseg_tf.inference.gather import Planes
from nucseg_tf.inference.inside import refuse_present, refuse_unwritable
from nucseg_tf.inference.journal import Journal, forget
from nucseg_tf.inference.light import digest_of, forget_light, light_of_run, write_light
from nucseg_tf.inference.link import check_tracking
from nucseg_tf.inference.measure import measure_columns
from nucseg_tf.inference.merge import refuse_other_counts
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.runner import Line, Outcome, Stage, Way
from nucseg_tf.inference.segmenter import Segmenter
from nucseg_tf.inference.shard import Shard
from nucseg_tf.inference.stages.measure import Measure, add_image
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.inference.stages.unchanged import States, Unchanged, listed
from nucseg_tf.inference.stages.write import LABELS, Write, remove_results
from nucseg_tf.io.choices import refuse_if_no_image_has
from nucseg_tf.io.files import ensure_folder, remove_temporaries
from nucseg_tf.io.names import folded
from nucseg_tf.io.plates.channels import pattern_hint, refuse_unknown_channel
from nucseg_tf.io.sources import Series, Source, View, find_views
from nucseg_tf.io.tables import CSV, Table, check_format, settle_format, write_failures
from nucseg_tf.types import Image

Progress = Callable[[int, int, str], bool]


def predict_sources(
    sources: Sequence[Source],
    out: Path,
    segmenter: Segmenter,
    options: Options,
    progress: Progress = lambda done, total, name: True,
    workers: int = 1,
    shard: Shard | None = None,
    table: str = CSV,
    note: Callable[[Outcome], None] = lambda outcome: None,
    tile: int | None = None,
) -> Outcome:
    """Predict images.

    Writes NAME_labels.tif (and what `options.writers` add) per image, objects.csv, fields.csv, and
    failures.csv if images had to be left out. Until `note` has written down how it ended, a run
    that was stopped, by whatever, is gone on with by the same call: what is done is not done again.
    Shards can be gone on with until they are merged.

    Args:
        sources: the images.
        out: folder for the results, made if need be.
        segmenter: the model.
        options: how to read and predict, what to write.
        progress: called after each plane with the number of images that are done, their count and
            the name of the plane; says whether to go on; planes that have been begun are finished
            all the same.
        workers: how many planes may be on their way at once.
        shard: which part of the images is done here; others may write into the same folder.
        table: "csv" or "parquet", of which objects.csv becomes objects.parquet.
        note: writes down what was done, as run.json does; the run is forgotten after it.
        tile: px, instead of that of the options, for less memory (docs/reliability/faults.md).

    Returns:
        What was done, by this run and the one it went on with, and what failed.

    Raises:
        ChoiceError: no image has the channel, plane, time or scene asked for.
        UsageError: if there are fewer workers than one, or two images have the same name, and so
            would overwrite each other's results.
        OutputError: if `out` cannot be written, or another run writes there. What is done by then
            is kept.
    """
    if workers < 1:
        raise UsageError(f"--workers: expected 1 or more. Received: {workers}.")
    _refuse_same_name(sources)
    check_format(table)
    if shard and table != CSV:
        raise UsageError(f"--table {table}: is of nucseg merge, where a run is done in shards.")
    if options.link and options.choice.has_times:
        check_tracking()
    segmenter.check(options)
    refuse_unknown_channel(sources, options.choice)
    ensure_folder(out)
    part = shard.part if shard else ""
    if shard:
        refuse_other_counts(out, shard.count)
    lights = {}
    if options.illumination:
        lights = light_of_run(out, _key(listed(sources), options), sources, options)
    sources = shard.of(sources) if shard else sources
    with only_run_in(out, part):
        write_light(out, lights)
        states = listed(sources)
        journal = Journal(out, _key(states, options, segmenter, digest_of(lights)), part)
        if options.inside and not journal.resumed:
            groups = [group for source in sources if (group := source.group)]
            try:
                refuse_unwritable(groups)
                if not options.overwrite:
                    refuse_present(groups, options.inside)
            except UsageError:
                forget(out, part)
                raise
        _do_lost_again(journal, sources, out, options.inside is not None)
        if journal.resumed and not shard:  # other shards may be at work in the same folder
            remove_temporaries(out)
        run = _Run(out, options, segmenter, journal, Unchanged(states), lights, tile)
        run.go(sources, progress, workers)
        outcome = run.end(sources, part, table)
        note(outcome)
        if not (outcome.left_out or part):  # of parts until all are merged: see `merge`
            forget(out, part)
            forget_light(out)
        return outcome


@dataclass
class _Run:
    """A run on its way.

    Attributes:
        out, options, segmenter: as of `predict_sources`.
        journal: what is done.
        unchanged: compares images with what they were when the run began.
        lights: illumination of each channel, by name, if it is corrected.
        tile: px, instead of that of the options.
        outcome: what has failed.
        failed: names of sources of which no plane could be done.
        unchosen: names of planes that have not what was asked for. What an earlier run left of
            them goes at the end, for if that holds for all, the run changes nothing.
    """

    out: Path
    options: Options
    segmenter: Segmenter
    journal: Journal
    unchanged: Unchanged
    lights: Mapping[str, np.ndarray]
    tile: int | None = None
    outcome: Outcome = field(default_factory=Outcome)
    failed: set[str] = field(default_factory=set)
    unchosen: list[str] = field(default_factory=list)

    def go(self, sources: Sequence[Source], progress: Progress, workers: int) -> None:
        """Send what is not done along the stages, and note it source by source."""
        coming: deque[Series] = deque()
        waiting = [source for source in sources if source.name not in self.journal.entries]

        def views() -> Iterator[View]:
            for source in waiting:
                coming.append(find_views(source, self.options.choice))
                yield from coming[-1].views

        side_by_side = workers if self._stacked else max(1, min(workers, len(waiting)))
        line = Line(views(), self._stages(), side_by_side)
        done = len(sources) - len(waiting)

        def watched(ways: Iterable[Way], planes: int) -> Iterator[Way]:
            # Not one more than there are, for which the next source would have to be waited for.
            for number, way in enumerate(itertools.islice(ways, planes), start=1):
                yield way
                if not progress(done + (number == planes), len(sources), way.item.title):
                    line.stop()

        for _, ways in itertools.groupby(line, key=lambda way: way.item.source.name):
            series = coming.popleft()
            self._take(series, watched(ways, len(series.views)))
            done += 1

    @property
    def _stacked(self) -> bool:
        return not self.options.choice.is_one

    def _stages(self) -> list[Stage]:
        return [
            self.unchanged.before,
            Read(self.options, all_channels=True, lights=self.lights),
            self.unchanged.after,
            *self.segmenter.stages(self.options, self.tile),
            Measure(quality=True),
            self.unchanged.at_end,
            Write(self.out, self.options.writers, self._stacked, self.options.inside),
        ]

    def _take(self, series: Series, ways: Iterator[Way]) -> None:
        """Write and note a source when all its planes have come."""
        failures: list[tuple[str, str]] = []
        planes = Planes(series, self.options.link)
        with self.journal.rows(series.source.name) as rows:
            for way in ways:
                if isinstance(way.error, DiskFullError):
                    raise way.error  # no image after this one could be written, either
                if way.error:
                    self.outcome.note_error(way)
                    failures.append((str(way.item), way.reason))
                    self._clear(way)
                    continue
                for table in planes.add(way):
                    rows.write(table)
            if len(planes.done) + len(failures) < len(series.views):
                return  # stopped on the way
            if not planes.done:
                self.failed.add(series.source.name)
                return
            for table in planes.rest():
                rows.write(table)
            planes.write(self.out, self.options.inside)
            rows.keep(planes.describe(), failures)

    def _clear(self, way: Way) -> None:
        """Remove what an earlier run left of a plane that failed; but see `unchosen`."""
        if isinstance(way.error, ChoiceError):
            self.unchosen.append(way.item.name)
        else:
            remove_results(self.out, way.item.name)

    def end(self, sources: Sequence[Source], part: str, table: str) -> Outcome:
        """Write the tables; what was done and what was not.

        Raises:
            ChoiceError: no image has what was asked for; nothing is written.
        """
        names = [source.name for source in sources]
        entries = [self.journal.entries[name] for name in names if name in self.journal.entries]
        if not part:  # the images of other parts may have it
            try:
                refuse_if_no_image_has(self.outcome.errors, len(entries))
            except ChoiceError as error:
                forget(self.out)
                raise ChoiceError(f"{error}{pattern_hint(sources)}") from error
        for name in self.unchosen:
            remove_results(self.out, name)
        self.outcome.done = [entry.image for entry in entries]
        failures = [(str(item), reason) for item, reason in self.outcome.failures]
        self.outcome.failures = failures
        known = self.journal.entries.keys() | self.failed
        self.outcome.left_out = [source.path for source in sources if source.name not in known]
        kinds = self.outcome.columns = self.journal.write(names, _no_objects())
        settle_format(self.journal.table, table, kinds)
        self.outcome.light = digest_of(self.lights)
        if not part:
            write_fields(self.out / "fields.csv", self.outcome.done)
        write_failures(self.out, failures, part)
        return self.outcome


def _do_lost_again(journal: Journal, sources: Sequence[Source], out: Path, inside: bool) -> None:
    """Forget images whose label image is empty or not there, as after a power cut."""
    for source in sources:
        if source.name not in journal.entries or (inside and source.group):
            continue
        file = out / f"{source.name}{LABELS}"
        if not (file.is_file() and file.stat().st_size):
            del journal.entries[source.name]


def _refuse_same_name(sources: Sequence[Source]) -> None:
    seen: dict[str, Source] = {}
    for source in sources:
        other = seen.setdefault(folded(source.name), source)
        if other is not source:
            raise UsageError(
                f"{other.path} and {source.path} have the same stem, so their results would "
                "overwrite each other. Predict them into different folders (--out)."
            )


def _key(
    states: States,
    options: Options,
    segmenter: Segmenter | None = None,
    light: str = "",
) -> str:
    """What results depend on, or without a model what is read; another run has another."""
    images = [
        (name, list(zip([str(file.absolute()) for file in source.files], found, strict=True)))
        for name, (source, found) in states.items()
    ]
    model = []
    if segmenter:
        model = [segmenter.model.sha256, segmenter.network.engine, segmenter.network.precision]
    text = json.dumps([__version__, images, model, asdict(options), light], default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _no_objects() -> Table:
    """The columns of objects.csv, without rows."""
    nothing = Image(np.zeros((1, 1)), None, Path())
    return add_image(Table(measure_columns(np.zeros((1, 1), np.int32))), nothing)
