"""Kinds of faults that `benchmarks/faults.py` tries, and what has to hold after each."""
