"""Engines: everything that can turn a photo and prompts into masks."""

from .base import Engine, Finder, Progress, engine_names, load_engine, no_progress, register

__all__ = ["Engine", "Finder", "Progress", "engine_names", "load_engine", "no_progress", "register"]
