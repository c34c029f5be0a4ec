"""Near-duplicates as one question: found, asked, checked, and given the label of their leader."""
