"""Made labels that go out and come back: through formats, through pairs of them, and through other tools."""
