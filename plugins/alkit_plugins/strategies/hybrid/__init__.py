"""Strategies that weigh uncertainty and diversity in one choice."""
