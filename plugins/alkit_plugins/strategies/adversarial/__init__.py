"""Strategies whose networks tell labeled images from unlabeled ones."""
