"""Strategies that choose the images of which the model is least certain."""
