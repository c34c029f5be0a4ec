"""What is compared with other implementations, and how."""
