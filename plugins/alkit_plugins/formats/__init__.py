"""Built-in formats for the exchange with labeling tools."""
