"""Networks that find objects, what they are trained on, and how well they do it."""
