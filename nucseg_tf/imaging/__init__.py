"""What is done to arrays of pixels alone: tiles, symmetries, components of label images."""
