"""The plugins that come with alkit, registered through the same entry points as anybody's."""
