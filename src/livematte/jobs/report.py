"""What a batch came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that came to nothing, the last error, and how often it was tried."""

    source: str
    error: str
    attempts: int


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a batch did.

    out: the folder of results; manifest: the file that remembers them;
    done: results written; unchanged: results that were there already; left: inputs not dealt with, because it
    was stopped; failures: inputs that came to nothing; warned: results with warnings, which the manifest has;
    split: of the results done, those that were made in parts; retries: further tries that were needed;
    frames: written; seconds: on the clock; work: seconds of all workers together; workers: how many at most;
    stopped: why it ended before all was dealt with, if it did.
    """

    out: str
    manifest: str
    done: int
    unchanged: int
    left: int
    failures: tuple[Failure, ...]
    warned: int
    split: int
    retries: int
    frames: int
    seconds: float
    work: float
    workers: int
    stopped: str | None = None

    @property
    def whole(self) -> bool:
        """Whether every input has its result."""
        return not self.failures and not self.left

    def rows(self) -> list[tuple[str, str]]:
        """Names and values of a table; what did not happen is left out."""
        rate = self.frames / self.seconds if self.seconds else 0.0
        found = [
            ("done", f"{self.done}" + (f", {self.split} of them in parts" if self.split else "")),
            ("unchanged", f"{self.unchanged}" if self.unchanged else ""),
            ("failed", f"{len(self.failures)}" if self.failures else ""),
            ("left", f"{self.left}" if self.left else ""),
            ("tried again", f"{self.retries}" if self.retries else ""),
            ("with warnings", f"{self.warned}" if self.warned else ""),
            ("frames", f"{self.frames} in {self.seconds:.1f} s, {rate:.1f} a second"),
            ("workers", f"{self.workers}"),
            ("results", self.out),
            ("manifest", self.manifest),
        ]
        return [(name, value) for name, value in found if value]

    def __str__(self) -> str:
        return "\n".join(f"{name:15}{value}" for name, value in self.rows())
