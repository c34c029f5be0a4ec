"""Built-in oracles."""
