"""What `scripts/reliability/determinism.py` varies, and how it tells that something differs."""
