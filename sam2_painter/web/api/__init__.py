"""The API: one table of operations, served by Gradio, plain HTTP and MCP."""
