"""What computes a network: a compiled function from arrays to arrays. Read `base` first."""
