"""Task models that come with alkit."""
