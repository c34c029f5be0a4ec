"""Two numbers: the version, and that of the interface for plugins."""

__version__ = "0.1.0"

INTERFACE = 1
"""Goes up with each change that breaks plugins; one says which it was written for: alkit_interface = 1."""
