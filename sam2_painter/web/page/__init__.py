"""The page: its Gradio blocks, what its events do, and what it shows."""
