"""What killed processes have left in a project: files half written, hidden by their names.

They are removed when a server begins, by who alone may write there: it holds the folder, and where
nobody trains or labels, the locks of these. `nucseg loop predict` looks after its own.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack

from nucseg_tf.annotation.editor.project import ANNOTATION, Project
from nucseg_tf.annotation.loop import locks, versions
from nucseg_tf.annotation.loop.locks import LOOP
from nucseg_tf.errors import UsageError
from nucseg_tf.io.files import remove_temporaries


def sweep(project: Project) -> None:
    """Remove what is left of files on their way; whoever asks works on the project alone."""
    folder = project.folder
    for place in {field.mask.parent for field in project.fields.values()}:
        remove_temporaries(place)
    remove_temporaries(folder / ANNOTATION, deep=True)
    if not (folder / LOOP).is_dir():
        return
    with ExitStack() as held:
        try:
            for name in (locks.TRAINING, locks.PREDICTING):
                held.enter_context(locks.take(folder, name, patience=0))
        except UsageError:  # they are at work; the next server looks again
            return
        remove_temporaries(folder / LOOP, deep=True)
        remove_temporaries(folder / "prelabels", deep=True)
        for draft in (folder / LOOP).glob(versions.DRAFT.format("*")):
            shutil.rmtree(draft, ignore_errors=True)
