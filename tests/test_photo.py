"""Photos in and out."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import make_clip, picture
from PIL import Image, ImageCms
from runs import Unchanged

import livematte
from livematte.errors import InputError, OutputError
from livematte.frame import Orientation
from livematte.media import is_photo, read, read_photo, read_profile, write_photo
from livematte.media.photo import read_picture_rgba


@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg", ".jpeg", ".JPG"])
def test_a_photo_comes_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    write_photo(path, picture(0, (53, 37)))
    assert is_photo(path)
    (frame,) = read(path)
    assert frame.time is None
    assert np.abs(frame.rgb().astype(int) - picture(0, (53, 37))).mean() < (1 if suffix == ".png" else 4)
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("orientation", list(Orientation))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: Orientation) -> None:
    upright = picture(0, (40, 24))
    image = Image.fromarray(np.ascontiguousarray(orientation.stored(upright)))
    exif = image.getexif()
    exif[0x0112] = int(orientation)
    image.save(tmp_path / "photo.png", exif=exif)
    assert np.array_equal(read_photo(tmp_path / "photo.png").rgb(), upright)


def test_transparency_becomes_white_and_can_be_kept(tmp_path: Path) -> None:
    rgba = np.dstack([picture(0), np.zeros((48, 64), np.uint8)])
    rgba[:, 32:, 3] = 255
    write_photo(tmp_path / "cut.png", rgba)
    assert np.array_equal(read_picture_rgba(tmp_path / "cut.png"), rgba)
    flat = read_photo(tmp_path / "cut.png").rgb()
    assert (flat[:, :32] == 255).all()
    assert np.array_equal(flat[:, 32:], picture(0)[:, 32:])


def test_grey_and_16_bits(tmp_path: Path) -> None:
    grey = picture(0)[..., 0]
    write_photo(tmp_path / "grey.png", grey)
    assert np.array_equal(read_photo(tmp_path / "grey.png").rgb()[..., 1], grey)
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    deep = read_photo(tmp_path / "deep.png")
    assert np.array_equal(deep.planes()[0][..., 0], grey.astype(np.uint16) * 257)


def test_what_is_a_photo(tmp_path: Path) -> None:
    frames = [Image.fromarray(picture(n)) for n in (0, 5)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "moving.png", save_all=True, append_images=frames[1:])
    Image.fromarray(picture(0)).save(tmp_path / "unnamed", "JPEG")
    assert not is_photo(make_clip(tmp_path / "clip.mp4"))
    assert not is_photo(tmp_path / "moving.gif")
    assert not is_photo(tmp_path / "moving.png")
    assert not is_photo(tmp_path)
    assert is_photo(tmp_path / "unnamed")
    assert is_photo(tmp_path / "missing.jpg")


@pytest.mark.parametrize(
    ("content", "word"),
    [(None, "does not exist"), (b"", "empty"), (b"\x89PNG\r\n\x1a\nrest", "not a picture")],
)
def test_bad_photos(tmp_path: Path, content: bytes | None, word: str) -> None:
    path = tmp_path / "bad.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=word):
        read_photo(path)


def test_a_cut_off_photo(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    write_photo(path, picture(0, (200, 200)))
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(InputError, match="not a picture"):
        read_photo(path)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_photo(tmp_path / "photo.png", picture(0))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match="too many pixels"):
        read_photo(tmp_path / "photo.png")


def test_bad_targets(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.png"):
        write_photo(tmp_path / "out.jpg", np.zeros((4, 4, 4), np.uint8))
    for name in ("out.bmp", "none/out.png"):
        with pytest.raises(OutputError, match=name):
            write_photo(tmp_path / name, picture(0))
    assert list(tmp_path.iterdir()) == []


def test_a_deep_photo_keeps_its_bits_and_its_profile(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    rng = np.random.default_rng(1)
    deep = rng.integers(0, 65536, (60, 80, 3), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "in.png"), deep[..., ::-1])
    livematte.replace(tmp_path / "in.png", tmp_path / "out.png", Unchanged(), threads=1)
    levels = livematte.Segmenter(threads=1)(next(livematte.read(tmp_path / "in.png"))).levels
    result = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    plain = (levels == 0) | (levels == 255)  # elsewhere colours are estimated
    assert plain.sum() > 20
    assert np.array_equal(result[plain], deep[plain])
    Image.fromarray((deep >> 8).astype(np.uint8)).save(tmp_path / "p.jpg", icc_profile=profile, quality=95)
    for suffix in ("png", "jpg", "webp"):
        livematte.replace(tmp_path / "p.jpg", tmp_path / f"q.{suffix}", "teal")
        assert read_profile(tmp_path / f"q.{suffix}") == profile


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", len(content) + 8) + kind + content


def write_heic(path: Path, size: tuple[int, int]) -> None:
    """A HEIC file around one HEVC picture (ISO/IEC 23008-12): no library here writes one."""
    data = io.BytesIO()
    with av.open(data, "w", format="mp4") as out:
        video = out.add_stream("libx265", 25, {"x265-params": "log-level=none:bframes=0"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        frame = av.VideoFrame.from_ndarray(picture(0, size), format="rgb24")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        for packet in [*video.encode(frame), *video.encode(None)]:
            out.mux(packet)
    film = data.getvalue()
    start = film.index(b"hvcC") - 4
    settings = film[start : start + int.from_bytes(film[start : start + 4])]
    body = film.index(b"mdat") - 4
    coded = film[body + 8 : body + int.from_bytes(film[body : body + 4])]
    properties = box(b"ipco", settings, box(b"ispe", bytes(4), struct.pack(">2I", *size)))
    belongs = box(b"ipma", bytes(4), struct.pack(">IHBBB", 1, 1, 2, 0x81, 2))
    entry = box(b"infe", b"\2\0\0\0", struct.pack(">HH", 1, 0), b"hvc1", b"\0")

    def meta(offset: int) -> bytes:
        place = struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, len(coded))
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", 1)),
            box(b"iinf", bytes(4), struct.pack(">H", 1), entry),
            box(b"iprp", properties, belongs),
            box(b"iloc", bytes(4), place),
        )

    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    path.write_bytes(head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", coded))


def test_a_heic_photo_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif", reason="HEIC needs the extra heic")
    write_heic(tmp_path / "in.heic", (128, 96))
    livematte.replace(tmp_path / "in.heic", tmp_path / "out.png", Unchanged(), threads=1)
    with Image.open(tmp_path / "out.png") as result:
        assert np.abs(np.asarray(result).astype(int) - picture(0, (128, 96))).mean() < 8
