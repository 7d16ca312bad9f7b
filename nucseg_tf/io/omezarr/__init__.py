"""OME-Zarr 0.4 and 0.5: images, labels, tables and plates, by zarr alone."""
