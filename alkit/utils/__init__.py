"""Small helpers that everything builds on; they know nothing about active learning."""
