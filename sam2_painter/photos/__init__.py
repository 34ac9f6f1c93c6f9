"""Photos: the files they come in, read safely, and the pictures they hold."""
