"""The small server: the built page, the networks it runs, and, where allowed, jobs on uploaded clips."""

from livematte.web.limits import Limits
from livematte.web.server import serve

__all__ = ["Limits", "serve"]
