"""Oracles that come with alkit."""
