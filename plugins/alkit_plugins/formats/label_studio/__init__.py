"""Label Studio: its tasks, labeling configurations and annotations, by file and by its SDK."""
