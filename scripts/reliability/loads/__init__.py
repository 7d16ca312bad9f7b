"""What grows along thousands of images; for `scripts/reliability/load.py`."""
