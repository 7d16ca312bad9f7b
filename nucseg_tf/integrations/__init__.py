"""What lets other programs use nucseg_tf; thin, on what Python users have, too."""
