"""What `fractal-manifest` makes nucseg_tf/__FRACTAL_MANIFEST__.json from.

fractal-manifest create --package nucseg_tf --task-list-path integrations.fractal.task_list
"""

from __future__ import annotations

from fractal_task_tools.task_models import ParallelTask

AUTHORS = "nucseg_tf"
DOCS_LINK = None  # each task carries its text; a page on the web is not fixed yet
TASK_LIST = [
    ParallelTask(
        name="Find nuclei",
        executable="integrations/fractal/find_nuclei.py",
        # Of a field of 2160 x 2560 px; docs/prediction.md says what larger ones take.
        meta={"cpus_per_task": 4, "mem": 8000},
        category="Segmentation",
        modality="HCS",
        tags=["nuclei", "Instance Segmentation", "Deep Learning", "2D", "TensorFlow"],
        docs_info="file:find_nuclei.md",
    )
]
