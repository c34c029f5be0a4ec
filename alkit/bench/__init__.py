"""The benchmark suite: strategies compared on the same data, from the same start, over many seeds."""
