"""For Python: `Painter`, what it shows in a notebook, and the page in a cell."""
