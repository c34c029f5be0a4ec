"""Built-in formats: what goes out to labeling tools, and what comes back."""
