"""What an uploaded clip may cost."""

from __future__ import annotations

from dataclasses import dataclass, fields

from livematte.errors import OptionError

MEGA = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of what clients may ask of the server; megabytes are 10⁶ bytes. Raises OptionError.

    Parameters
    ----------
    jobs_at_once
        Jobs in all, from their upload until their result is fetched.
    jobs_per_client
        Of these, at most so many of one address.
    clip_megabytes
        Of an uploaded clip.
    photo_megabytes
        Of an uploaded background.
    result_megabytes
        Of a result.
    clip_seconds
        How long a clip plays.
    megapixels
        Of a clip's picture, of a background and of a result's picture.
    upload_seconds
        For a whole upload.
    run_seconds
        For the work on one clip.
    memory_megabytes
        Of the process that works on a clip; on Linux.
    keep_seconds
        How long a result, or the reason why there is none, waits to be fetched.
    silence
        Seconds for which a client may send or take nothing.
    """

    jobs_at_once: int = 8
    jobs_per_client: int = 3
    clip_megabytes: float = 300
    photo_megabytes: float = 20
    result_megabytes: float = 600
    clip_seconds: float = 300
    megapixels: float = 9
    upload_seconds: float = 600
    run_seconds: float = 900
    memory_megabytes: float = 4000
    keep_seconds: float = 600
    silence: float = 15

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value <= MEGA:
                flag = field.name.replace("_", "-")
                raise OptionError(f"{flag} must be above 0 and at most {MEGA}, not {value}")
