"""What the parts of a ROI store, writing and reading, have to agree on."""

FORMAT = 1
PART = 500  # ROIs
LEVEL = 1  # of compression; higher ones take longer and save little
MASKS = ("mask", "erosion", "boundary", "background")
SCALE = 1 / 255  # of planes
