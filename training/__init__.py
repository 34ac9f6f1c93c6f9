"""Training of the offline engine's weights: ``python -m training.train DATA``."""
