from __future__ import annotations
def page(e): return ""
