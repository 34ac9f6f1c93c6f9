"""What programs can ask for, each once: plain values in, one or two calls to `Studio`, plain values out.

`endpoints.ENDPOINTS` gives every public function here its name and path; the first parameter is the studio, one
annotated `Caller` is filled in by the door, the rest are the fields of the request. The docstrings are what clients and
MCP tools read.
"""
