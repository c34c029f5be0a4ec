"""A labeling effort that lives in a directory and survives its process."""
