"""The kinds of picture file that can be opened, told once: for file pickers, folders, sentences and documents."""

from __future__ import annotations

SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".heic", ".heif", ".hif", ".avif", ".tif", ".tiff", ".bmp"
)  # fmt: skip
"""Endings of the names that photos usually have. What a file is, its content decides."""

NAMES = "JPEG, PNG, WebP, HEIC, AVIF, TIFF or BMP"
"""The kinds, for a sentence."""

ACCEPT = ",".join((*SUFFIXES, "image/*"))
"""What a browser's file picker offers (the `accept` of its input)."""
