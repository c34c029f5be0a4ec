"""Strategies that choose images that represent the pool."""
