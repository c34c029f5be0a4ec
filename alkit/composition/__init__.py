"""Strategies made of strategies: from their text to the objects."""
