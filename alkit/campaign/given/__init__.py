"""Queries from files: embeddings and predictions computed elsewhere, in the place of a training."""
