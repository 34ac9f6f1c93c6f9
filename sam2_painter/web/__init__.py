"""The server: a page, Gradio's API, plain HTTP and MCP, all in one server."""
