"""Writers of what was found in an image, one file a format; `registry.WRITERS` names them."""
