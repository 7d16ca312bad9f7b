"""Train from the page, and label again: from corrected fields to versions of a model of one's own.

`accepted` and `parts` say which fields a version trains on and which it leaves out, `snapshot`
copies them, `train` does the whole training, `judge` compares models, `curve` says whether more
fields would help. `versions` and `locks` are what is on disk, `process` starts and stops, `status`
tells the page. docs/loop.md describes it.
"""

from nucseg_tf.annotation.loop.status import status

__all__ = ["status"]
