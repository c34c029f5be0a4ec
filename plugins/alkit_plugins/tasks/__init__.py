"""Built-in task models."""
