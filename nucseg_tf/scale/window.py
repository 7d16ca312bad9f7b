"""What the network for the diameter sees at once, and what it can tell; read without Keras."""

STRIDE = 16  # px, side of a cell
WINDOW = 256  # px, S in training; any multiple of twice the stride will do
READABLE = (4.0, 128.0)  # px, diameters that the network can tell in a window
