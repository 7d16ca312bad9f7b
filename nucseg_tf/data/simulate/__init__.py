"""Synthetic fluorescence fields with exact labels, for four cell lines.

cell_lines  what is known of each line (Zaki et al. 2020, Table S1), and what is made up
shapes      a nucleus: its outline, filled
arrange     where nuclei lie, and which of two is on top
optics      light of a nucleus, blur, stray light, illumination, camera
field       one field from its seed
stack       planes through nuclei in three dimensions
dish, movie nuclei that move and divide, and frames of them
degrade     labels as a model might give them
write       folders of fields
sequences   folders of stacks and movies

Letters: H rows and W columns of a field; h, w of the box around one nucleus; V vertices.
Coordinates are (row, column) in px.
"""

from __future__ import annotations

from nucseg_tf.data.simulate.cell_lines import CELL_LINES, CellLine, find_cell_lines
from nucseg_tf.data.simulate.degrade import degrade
from nucseg_tf.data.simulate.field import parse_shape, simulate_field
from nucseg_tf.data.simulate.movie import simulate_movie
from nucseg_tf.data.simulate.sequences import write_sequences
from nucseg_tf.data.simulate.stack import simulate_stack
from nucseg_tf.data.simulate.write import write_fields

__all__ = [
    "CELL_LINES",
    "CellLine",
    "degrade",
    "find_cell_lines",
    "parse_shape",
    "simulate_field",
    "simulate_movie",
    "simulate_stack",
    "write_fields",
    "write_sequences",
]
