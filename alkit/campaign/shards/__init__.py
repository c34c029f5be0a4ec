"""A cycle in several processes: references to it, passes in blocks, features in blocks."""
