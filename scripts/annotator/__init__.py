"""A simulated annotator in the loop of correction and training; see ../simulated_annotator.py."""
