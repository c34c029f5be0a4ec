"""Pools of images, by what they lie in."""
