"""Small things that everything builds on; nothing in here knows what active learning is."""
