"""Strategies that train a network to say which images to label."""
