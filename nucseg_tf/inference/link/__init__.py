"""Nuclei of one plane or frame are found again in the next ones.

overlaps  which labels of two images overlap, and which of them belong together
planes    a stack: labels of its planes become nuclei in three dimensions, plane by plane
frames    a movie: nuclei become tracks, some of which divide (needs the extra `track`)
"""

from __future__ import annotations

from nucseg_tf.inference.link.frames import check_tracking, link_frames
from nucseg_tf.inference.link.planes import PlaneLinker

__all__ = ["PlaneLinker", "check_tracking", "link_frames"]
