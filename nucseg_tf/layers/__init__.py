"""Encoders and blocks that families share: keras.layers and keras.ops only."""
