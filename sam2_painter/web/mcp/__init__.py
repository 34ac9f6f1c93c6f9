"""MCP for a model that paints a house: about ten tools, short replies, pictures it can look at."""
