"""What livematte understands of a file: its streams, times, orientation, colours and sound."""

from __future__ import annotations

import io
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import av
from av.audio.codeccontext import AudioCodecContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream
from PIL import ExifTags, Image, ImageCms

from livematte.frame import Orientation
from livematte.media.colour_names import HDR, MATRICES, PRIMARIES, RANGES, TRANSFERS
from livematte.media.intake import Intake
from livematte.media.photo import is_photo, opened
from livematte.media.reader import Reader
from livematte.media.source import Source, check_input, is_cover, open_source
from livematte.media.timing import Timing, timing_of

_LOOKED_AT = 8  # pictures that are decoded to see whether they are interlaced
_FIELD_ORDERS = {2: "top first", 3: "bottom first", 4: "top first", 5: "bottom first"}
_CHROMA = {
    (1, 1): "4:4:4",
    (1, 2): "4:4:0",
    (2, 1): "4:2:2",
    (2, 2): "4:2:0",
    (4, 1): "4:1:1",
    (4, 4): "4:1:0",
}
_SAMPLE_BITS = {"1": 1, "I": 32, "F": 32}
_BITS_PER_SAMPLE = 258  # a tag of TIFF
_REDUCED = ("AVIF", "HEIF", "JPEG2000")  # whose deeper samples Pillow hides


@dataclass(frozen=True, slots=True)
class Video:
    """The video that livematte would work on.

    index: of the stream in the file; codec: FFmpeg's name; stored: (width, height) of its planes;
    shown: (width, height) in square pixels as a player shows it, turned and stretched;
    pixel_aspect: width of a pixel by its height; orientation: how a player turns the stored planes;
    pixel_format: FFmpeg's name; bits: a sample; chroma: as 4:2:0, or grey, or RGB; alpha: if there is any;
    range: limited or full; matrix, primaries, transfer: by ITU-T H.273, these four None where the file does
    not say; hdr: PQ, HLG or None;
    interlaced: whether the first pictures are, None where none could be decoded; field_order: which field
    comes first, as far as the file says.
    """

    index: int
    codec: str
    profile: str | None
    language: str | None
    stored: tuple[int, int]
    shown: tuple[int, int]
    pixel_aspect: Fraction
    orientation: Orientation
    timing: Timing
    pixel_format: str
    bits: int
    chroma: str
    alpha: bool
    range: str | None
    matrix: str | None
    primaries: str | None
    transfer: str | None
    hdr: str | None
    interlaced: bool | None
    field_order: str | None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Track:
    """A stream beside the chosen video.

    kind: sound, subtitles, video, cover, timecode, attachment or data; codec: FFmpeg's name, None where it
    has none; start, duration: of its packets in seconds, None where there are none;
    rate, channels, layout: of sound, in Hz, their number, and FFmpeg's name.
    """

    index: int
    kind: str
    codec: str | None
    language: str | None
    start: Fraction | None
    duration: Fraction | None
    rate: int | None = None
    channels: int | None = None
    layout: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A named part of a video, in seconds."""

    start: Fraction
    end: Fraction
    title: str | None


@dataclass(frozen=True, slots=True)
class Photo:
    """A still picture.

    stored, shown: (width, height) as stored and turned upright; mode: Pillow's name of its channels;
    bits: a sample, None where that is not known; profile: what its ICC profile calls itself, or None.
    """

    stored: tuple[int, int]
    shown: tuple[int, int]
    orientation: Orientation
    mode: str
    bits: int | None
    alpha: bool
    profile: str | None


@dataclass(frozen=True, slots=True)
class Info:
    """What livematte understands of a file; `str()` of it is a table.

    size: in bytes; container: FFmpeg's name, or Pillow's for a photo; either video or photo is None;
    tracks: the streams beside the video; metadata: of the whole file;
    warnings: sentences about what would be changed, left out or is not as it should be.
    """

    path: Path
    size: int
    container: str
    video: Video | None = None
    photo: Photo | None = None
    tracks: tuple[Track, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values for JSON: the fields by their names.

        Times, rates and aspects are floats (seconds, 1/s, a ratio), pairs are [width, height], the
        orientation is its name in lower case, the path a string; what is unknown is null. `video.timing` has,
        beside its fields, `duration`.
        """
        plain: dict[str, Any] = _plain(self)
        if self.video is not None:
            plain["video"]["timing"]["duration"] = float(self.video.timing.duration)
        return plain

    def rows(self) -> list[tuple[str, str]]:
        """Names and values to show, line by line."""
        rows = [("file", str(self.path)), ("container", f"{self.container}, {_bytes(self.size)}")]
        if self.video is not None:
            rows += _video_rows(self.video)
        if self.photo is not None:
            rows += _photo_rows(self.photo)
        rows += [(track.kind, _track_line(track)) for track in self.tracks]
        rows += [
            ("chapter", f"{_clock(chapter.start)} to {_clock(chapter.end)} {chapter.title or ''}".rstrip())
            for chapter in self.chapters
        ]
        rows += [("metadata", f"{key}: {value}") for key, value in self.metadata.items()]
        return rows + [("warning", warning) for warning in self.warnings]

    def __str__(self) -> str:
        return "\n".join(f"{name:12}{value}" for name, value in self.rows())


def info(path: str | PathLike[str]) -> Info:
    """Say what a video or photo is, by its packets and its first pictures; nothing is written.

    Every packet is read, so that the times are the true ones, but only the first pictures are decoded.
    Raises InputError where the file is missing, empty, damaged, or neither a video nor a photo.
    """
    path = Path(path)
    check_input(path)
    return _photo_info(path) if is_photo(path) else _video_info(path)


def _video_info(path: Path) -> Info:
    with Reader(path, threads=1) as reader:
        orientation, warnings = reader.orientation, list(reader.warnings)
    source = open_source(path)
    with source.container as container:
        scan = _Scan(source)
        container_name = container.format.long_name or container.format.name
        return Info(
            path,
            path.stat().st_size,
            container_name,
            video=_video(source.video, scan, orientation),
            tracks=tuple(_track(stream, scan) for stream in container.streams if stream is not source.video),
            chapters=tuple(_chapters(container)),
            metadata=dict(container.metadata),
            warnings=(*warnings, *(f"{path.name}: {what}" for what in scan.warnings())),
        )


class _Scan:
    """One pass over a file's packets: where each stream begins and ends, and every time of the video."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._intake = Intake(source)
        self._begins: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._times = array("q")
        self._untimed = 0
        self._fields: list[bool] = []
        source.video.codec_context.thread_count = 1
        for packet in self._intake.packets():
            if not packet.is_discard:
                self._note(packet)
        self.timing = self._timing()

    @property
    def interlaced(self) -> bool | None:
        """Whether any of the first pictures is made of two fields; None where none was decoded."""
        return any(self._fields) if self._fields else None

    def span(self, stream: Stream) -> tuple[Fraction | None, Fraction | None]:
        """When a stream starts and how long it lasts, in seconds."""
        if stream.index not in self._begins:
            return None, None
        tick, begin = Fraction(stream.time_base or 0), self._begins[stream.index]
        return begin * tick, (self._ends[stream.index] - begin) * tick

    def warnings(self) -> list[str]:
        """What is wrong with the packets."""
        found = []
        if self._intake.is_cut_off():
            found.append(f"damaged or cut off after {float(self.timing.duration):.1f} s")
        if self._intake.damaged:
            found.append(f"damaged packets: {self._intake.damaged}")
        if self.timing.untimed:
            found.append(f"frames without a time of their own: {self.timing.untimed}")
        if self.timing.repeated:
            found.append(f"frames at the time of another: {self.timing.repeated}")
        return found

    def _note(self, packet: Packet[Stream]) -> None:
        time = packet.dts if packet.pts is None else packet.pts
        index = packet.stream_index
        if time is not None:
            self._begins[index] = min(time, self._begins.get(index, time))
            self._ends[index] = max(time + (packet.duration or 0), self._ends.get(index, time))
        if index == self._source.video.index:
            self._untimed += packet.pts is None
            self._times.append(0 if time is None else time)
            if len(self._fields) < _LOOKED_AT:
                self._fields += [image.interlaced_frame for image in self._intake.decode(packet)]

    def _timing(self) -> Timing:
        video = self._source.video
        tick, rate = Fraction(video.time_base or 1), Fraction(video.average_rate or 0) or None
        # packets know their durations in decoding order only
        end = self._intake.stated_end or self._ends.get(video.index, 0)
        return timing_of(self._times or [0], end, tick, rate, self._untimed)


def _video(stream: VideoStream, scan: _Scan, orientation: Orientation) -> Video:
    coder = stream.codec_context
    format = av.VideoFormat(coder.pix_fmt or "yuv420p", 64, 64)
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    upright = (round(coder.width * aspect), coder.height)
    return Video(
        index=stream.index,
        codec=coder.codec.canonical_name,
        profile=stream.profile,
        language=_language(stream),
        stored=(coder.width, coder.height),
        shown=upright[::-1] if orientation.swaps_sides else upright,
        pixel_aspect=aspect,
        orientation=orientation,
        timing=scan.timing,
        pixel_format=format.name,
        bits=max(part.bits for part in format.components),
        chroma=_chroma(format),
        alpha=any(part.is_alpha for part in format.components) or stream.metadata.get("alpha_mode") == "1",
        range=RANGES.get(int(coder.color_range)),
        matrix=MATRICES.get(int(coder.colorspace)),
        primaries=PRIMARIES.get(int(coder.color_primaries)),
        transfer=TRANSFERS.get(int(coder.color_trc)),
        hdr=HDR.get(int(coder.color_trc)),
        interlaced=scan.interlaced,
        field_order=_FIELD_ORDERS.get(int(coder.field_order)),
        metadata=dict(stream.metadata),
    )


def _chroma(format: av.VideoFormat) -> str:
    if format.is_rgb or format.has_palette:
        return "RGB"
    if sum(not part.is_alpha for part in format.components) == 1:
        return "grey"
    return _CHROMA.get((64 // format.chroma_width(), 64 // format.chroma_height()), "other")


def _track(stream: Stream, scan: _Scan) -> Track:
    coder = stream.codec_context
    start, duration = scan.span(stream)
    track = Track(
        index=stream.index,
        kind=_kind(stream),
        codec=coder.codec.canonical_name if coder else None,
        language=_language(stream),
        start=start,
        duration=duration,
        metadata=dict(stream.metadata),
    )
    if not isinstance(coder, AudioCodecContext):
        return track
    return replace(track, rate=coder.sample_rate, channels=coder.channels, layout=coder.layout.name)


def _kind(stream: Stream) -> str:
    if isinstance(stream, VideoStream) and is_cover(stream):
        return "cover"
    if stream.type == "data" and "timecode" in stream.metadata:
        return "timecode"
    return {"audio": "sound", "subtitle": "subtitles"}.get(stream.type, stream.type)


def _language(stream: Stream) -> str | None:
    language = stream.metadata.get("language")
    return None if language == "und" else language


def _chapters(container: InputContainer) -> Iterable[Chapter]:
    for chapter in container.chapters():
        tick = Fraction(chapter["time_base"] or 1)
        yield Chapter(chapter["start"] * tick, chapter["end"] * tick, chapter["metadata"].get("title"))


def _photo_info(path: Path) -> Info:
    with opened(path) as image:
        exif = image.getexif()
        number = exif.get(ExifTags.Base.Orientation, 1)
        orientation = Orientation(number) if number in set(Orientation) else Orientation.UPRIGHT
        alpha = image.has_transparency_data
        sentences = [f"{path.name}: what is transparent becomes white"] if alpha else []
        if image.mode in ("CMYK", "LAB", "YCbCr"):
            sentences.append(f"{path.name}: its colours ({image.mode}) become RGB")
        texts = {ExifTags.TAGS[tag]: value for tag, value in exif.items() if tag in ExifTags.TAGS}
        return Info(
            path,
            path.stat().st_size,
            image.format_description or str(image.format),
            photo=Photo(
                stored=image.size,
                shown=image.size[::-1] if orientation.swaps_sides else image.size,
                orientation=orientation,
                mode=image.mode,
                bits=_photo_bits(path, image),
                alpha=alpha,
                profile=_profile_name(image.info.get("icc_profile")),
            ),
            metadata={name: value.strip("\0 ") for name, value in texts.items() if isinstance(value, str)},
            warnings=tuple(sentences),
        )


def _photo_bits(path: Path, image: Image.Image) -> int | None:
    if image.format == "PNG":
        with path.open("rb") as file:
            return file.read(25)[24]  # of the header
    if image.format in _REDUCED:
        return None
    if image.format == "TIFF":
        return int(max(getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (1,))))
    return 16 if image.mode.startswith("I;16") else _SAMPLE_BITS.get(image.mode, 8)


def _profile_name(profile: bytes | None) -> str | None:
    if not profile:
        return None
    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
    except (ImageCms.PyCMSError, OSError):
        return "damaged"


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, fractions as floats, and so on down."""
    if is_dataclass(value):
        return {part.name: _plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, Fraction):
        return float(value)
    return str(value) if isinstance(value, Path) else value


def _video_rows(video: Video) -> list[tuple[str, str]]:
    timing = video.timing
    shown = "×".join(map(str, video.shown))
    size = f"{shown}, stored as {'×'.join(map(str, video.stored))}"
    if video.pixel_aspect != 1:
        size += f" with pixels of {video.pixel_aspect.numerator}:{video.pixel_aspect.denominator}"
    kind = {None: "not known", False: "whole pictures", True: "interlaced"}[video.interlaced]
    if video.interlaced and video.field_order:
        kind += f", {video.field_order}"
    tags = [
        f"{name} {value or 'not said'}"
        for name, value in (
            ("range", video.range),
            ("matrix", video.matrix),
            ("primaries", video.primaries),
            ("transfer", video.transfer),
        )
    ]
    rows = [
        ("video", ", ".join(filter(None, (video.codec, video.profile, video.language)))),
        ("size", size),
        ("orientation", _words(video.orientation)),
        ("frames", str(timing.frames)),
        ("time", f"{_clock(timing.duration)} from {float(timing.start):.3f} s on"),
        ("rate", _rate_line(timing)),
        ("pixels", _pixels_line(video)),
        ("colour", ", ".join(tags)),
        ("fields", kind),
    ]
    if timing.gaps:
        longest = max(timing.gaps, key=lambda gap: gap.length)
        line = f"{len(timing.gaps)}, the longest of {float(longest.length):.3f} s at {_clock(longest.start)}"
        rows.insert(6, ("gaps", line))
    return rows


def _rate_line(timing: Timing) -> str:
    if timing.rate is None or timing.shortest is None or timing.usual is None or timing.longest is None:
        return "one picture"
    rate = f"{float(timing.rate):.6g} a second"
    if timing.constant:
        return f"constant, {rate}"
    distances = (timing.shortest, timing.usual, timing.longest)
    shortest, usual, longest = (f"{float(distance) * 1000:.1f}" for distance in distances)
    return f"variable, {rate} in the mean; {shortest} to {longest} ms from one to the next, usually {usual}"


def _pixels_line(video: Video) -> str:
    parts = [video.pixel_format, f"{video.bits} bits", video.chroma]
    parts += ["alpha"] if video.alpha else []
    parts += [f"HDR ({video.hdr})"] if video.hdr else []
    return ", ".join(parts)


def _photo_rows(photo: Photo) -> list[tuple[str, str]]:
    bits = "unknown depth" if photo.bits is None else f"{photo.bits} bits"
    return [
        ("size", f"{'×'.join(map(str, photo.shown))}, stored as {'×'.join(map(str, photo.stored))}"),
        ("orientation", _words(photo.orientation)),
        ("pixels", ", ".join([photo.mode, bits, *(["alpha"] if photo.alpha else [])])),
        ("profile", photo.profile or "none"),
    ]


def _track_line(track: Track) -> str:
    parts = [track.codec or "unknown"]
    if track.rate is not None:
        parts += [f"{track.rate} Hz", f"{track.channels} channels ({track.layout})"]
    parts += [track.language] if track.language else []
    if track.start is not None and track.duration is not None:
        parts.append(f"{_clock(track.duration)} from {float(track.start):.3f} s on")
    parts += [track.metadata[key] for key in ("title", "filename", "timecode") if key in track.metadata]
    return ", ".join(parts)


def _words(orientation: Orientation) -> str:
    return orientation.name.lower().replace("_", " ")


def _clock(seconds: Fraction) -> str:
    """Hours, minutes and seconds, as far as they are needed: 3.200 s, 1:02.000, 1:00:00.000."""
    sign, thousandths = "-" if seconds < 0 else "", round(abs(seconds) * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{sign}{hours}:{minutes:02}:{rest / 1000:06.3f}"
    return f"{sign}{minutes}:{rest / 1000:06.3f}" if minutes else f"{sign}{rest / 1000:.3f} s"


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size} bytes"
