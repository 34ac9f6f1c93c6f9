"""The command line: `serve` the page, `paint` photos, find `masks`."""
