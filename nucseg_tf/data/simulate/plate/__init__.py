"""Synthetic plates with known truth: images as a microscope leaves them, labels and tables beside.

screen    what the columns of a plate do to the cells, and which field is drawn from what
markers   channels beside the nuclei: what is in them of each cell, and how it looks
layouts/  how images and what goes with them lie on disk, a file a layout
write     a whole plate, by several processes, that can be interrupted
truth     tables of every nucleus and every well
"""
