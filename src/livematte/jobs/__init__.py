"""Many clips at once: on the cores of this machine or on a cluster."""

from livematte.jobs.report import BatchReport
from livematte.jobs.run import batch

__all__ = ["BatchReport", "batch"]
