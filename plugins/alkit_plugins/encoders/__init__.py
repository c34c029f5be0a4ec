"""Built-in encoders: pretrained networks by name."""
