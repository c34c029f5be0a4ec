"""Plugins: found by entry point, checked and built."""
