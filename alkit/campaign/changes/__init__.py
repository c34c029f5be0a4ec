"""Changes of a campaign that is under way: its images, classes, test set and answers."""
