"""A clip or photo done from beginning to end by one worker, or found to be long enough for several."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from livematte.errors import InputError
from livematte.jobs import store
from livematte.jobs.split import Split, find_starts
from livematte.jobs.tasks import Clip, Done, Trouble, Unchanged
from livematte.media import Options, is_photo
from livematte.media.temporary import temporary_beside
from livematte.pipeline import replace


@dataclass(frozen=True, slots=True)
class Whole:
    """Do a clip or photo from beginning to end, or find out where it can be split.

    split: the length of parts in seconds, if there may be any;
    known: the fingerprint of its input and the bytes of its result when it was done, if it was.
    """

    clip: Clip
    split: float | None = None
    known: tuple[str, int] | None = None

    def is_needless(self) -> bool:
        """Whether the input is as it was and the result is there."""
        with contextlib.suppress(InputError):
            clip = self.clip
            return self.known == (store.fingerprint(clip.source), store.size(clip.target))
        return False

    def refusal(self) -> Trouble | None:
        """Why what has the result's name already may not be replaced, if so."""
        clip = self.clip
        if clip.ours or store.size(clip.target) is None:
            return None
        said = f"{clip.target} exists already, and is not of this input; remove it or allow overwriting"
        return Trouble("foreign", said)

    def __call__(self) -> Done | Unchanged | Split | Trouble:
        """Read, replace, write. Raises what `replace` raises, and StoreError."""
        if self.known and self.is_needless():
            return Unchanged()
        if trouble := self.refusal():
            return trouble
        begin, clip, settings = time.perf_counter(), self.clip, self.clip.settings
        fingerprint = store.fingerprint(clip.source)
        starts = find_starts(clip, self.split) if self.split and not clip.remote else ()
        if len(starts) > 1:
            return Split(fingerprint, starts)
        with _at_hand(clip) as (source, target):
            # what else may be chosen is for videos
            options = Options() if is_photo(source) else settings.options
            report = replace(
                source,
                target,
                settings.background,
                look=settings.look,
                style=settings.style,
                options=dataclasses.replace(options, overwrite=True),
                network=settings.network,
                threads=1,
                codec_threads=1,
            )
            size, seconds = Path(target).stat().st_size, time.perf_counter() - begin
        return Done(fingerprint, size, report.frames_out, seconds, report.warnings)


@contextlib.contextmanager
def _at_hand(clip: Clip) -> Iterator[tuple[str, str]]:
    """Paths of the input and for the result on this machine; a result for a store goes there in the end."""
    with contextlib.ExitStack() as stack:
        source, target = clip.source, clip.target
        if clip.remote:
            # what a killed worker left there is deleted by the next
            beside = Path(tempfile.gettempdir()) / "batch"
            folder = stack.enter_context(temporary_beside(beside, folder=True))
        if store.is_address(source):
            source = str(store.fetch(source, folder))
        if store.is_address(target):
            (folder / "result").mkdir()
            target = str(folder / "result" / clip.target.rpartition("/")[2])
        else:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
        yield source, target
        if target == clip.target:
            store.settle(Path(target))
        else:
            store.put(Path(target), clip.target)
