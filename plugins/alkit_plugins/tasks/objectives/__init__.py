"""What tasks learn, apart from the network that learns it: classes, sets of classes, numbers."""
