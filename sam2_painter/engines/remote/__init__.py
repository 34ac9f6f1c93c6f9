"""SAM 2 on another machine: its client, its server, and the wire between them."""
