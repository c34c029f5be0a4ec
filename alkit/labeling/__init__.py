"""What goes to people who label, and what comes back."""
