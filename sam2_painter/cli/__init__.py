"""The command line: `serve` the page, `paint` photos, tell the `colors` of their walls, find `masks`."""
