"""Annotated pictures on disk: an index and the pictures that it names."""

from livematte.dataset.index import Row, read_index, select
from livematte.dataset.pictures import Pictures

__all__ = ["Pictures", "Row", "read_index", "select"]
