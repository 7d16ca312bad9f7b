"""How large the nuclei of an image are, found by a small network before anything else.

Models find nuclei best at the size that they were trained at. What looks at an image first must
not trip over its size: so windows of the image at several zooms are looked at, and each says where
it sees nuclei, how large they are, and how sure it is.
"""
