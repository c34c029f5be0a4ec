"""Plugins: found by entry point, checked, made."""
