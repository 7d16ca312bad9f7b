"""What `kill.py` kills, how, and what it compares."""
