"""The command line: `paint` and `masks`, for one photo or many."""
