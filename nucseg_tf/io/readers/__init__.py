"""Readers of image files, one file a format; `registry.READERS` names them."""
