"""Train from the page, and label again."""
