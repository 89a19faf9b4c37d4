"""Annotated pictures from and for other tools: one module for each format, with `read` and `write`."""
