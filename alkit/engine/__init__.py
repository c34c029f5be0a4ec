"""One round of active learning: train, look at the pool, choose, remember."""
