"""Middleware: who may come in, how much at once, and who has left."""
