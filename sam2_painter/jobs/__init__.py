"""Jobs: time limits, places, threads and caches for work that others wait for."""
