"""The trained model and its use: predictions, export, the facts that go with it."""
