"""Commands about strategies and plugins, one module per command."""
