"""What `unchanged.py` compares, how it runs a checkout, and where two records differ."""
