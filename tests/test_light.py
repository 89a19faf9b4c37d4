"""Fields and HDR."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type
from clips import CFR, TICK, VFR, make_clip
from runs import first_image, run, times, told

from livematte import Frame
from livematte.media.filters import TO_SDR, Filter

# fields and HDR


def test_fields_become_whole_pictures(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mp4",
        size=(160, 120),
        options={"flags": "+ildct+ilme", "x264-params": "tff=1"},
        times=VFR,
    )
    report = run(source, tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4") == times(source) == list(VFR)
    assert any("interlaced" in warning for warning in report.warnings)
    with av.open(str(tmp_path / "out.mp4")) as clip:
        assert not any(frame.interlaced_frame for frame in clip.decode(video=0))


def test_a_comb_of_two_moments_is_gone(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    with av.open(str(source), "w") as out:
        video = out.add_stream("libx264", 25, {"flags": "+ildct+ilme", "x264-params": "tff=1", "crf": "10"})
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        for number in range(8):
            both = np.full((120, 160, 3), 40, np.uint8)
            both[0::2, 10 + 12 * number : 40 + 12 * number] = 220
            both[1::2, 16 + 12 * number : 46 + 12 * number] = 220
            frame = av.VideoFrame.from_ndarray(both, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    run(source, tmp_path / "out.mp4", quality=5)

    def comb(path: Path) -> float:
        with av.open(str(path)) as clip:
            luma = [frame.to_ndarray()[:120].astype(float) for frame in clip.decode(video=0)][4]
        return float(np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2).mean())

    assert comb(tmp_path / "out.mp4") < 0.25 * comb(source)


def hdr_clip(folder: Path, trc: int) -> Path:
    light = (
        ":hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
        ":max-cll=1000,400"
    )
    return make_clip(
        folder / "in.mp4",
        codec="libx265",
        pix_fmt="yuv420p10le",
        tags=(1, 9, 9, trc),
        times=CFR[:6],
        options={"x265-params": "log-level=none:repeat-headers=1" + (light if trc == 16 else "")},
    )


def test_hdr10_stays_hdr10_with_its_light_levels(tmp_path: Path) -> None:
    source = hdr_clip(tmp_path, 16)
    assert told(run(source, tmp_path / "out.mp4")) == []
    before, after = first_image(source), first_image(tmp_path / "out.mp4")
    assert after.format.name == "yuv420p10le"
    assert (after.colorspace, after.color_primaries, after.color_trc) == (9, 9, 16)
    for kind in (Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL):
        assert bytes(after.side_data.get(kind)) == bytes(before.side_data.get(kind))
    with av.open(str(tmp_path / "out.mp4")) as clip:
        assert clip.streams.video[0].codec_context.name == "hevc"


@pytest.mark.parametrize("trc", [16, 18])
def test_hdr_becomes_sdr_on_request(tmp_path: Path, trc: int) -> None:
    source = hdr_clip(tmp_path, trc)
    report = run(source, tmp_path / "out.mp4", sdr=True)
    image = first_image(tmp_path / "out.mp4")
    assert image.format.name == "yuv420p"
    assert (image.colorspace, image.color_primaries, image.color_trc) == (1, 1, 1)
    assert any("HDR is mapped" in warning for warning in report.warnings)


@pytest.mark.parametrize("trc", [16, 18])
def test_tones_keep_their_order_when_mapped(trc: int) -> None:
    image = av.VideoFrame(96, 32, "yuv420p10le")
    luma, *chroma = Frame(image).planes()
    luma[:] = np.linspace(64, 700, 96)  # up to some 900 cd/m² in PQ
    for plane in chroma:
        plane[:] = 512
    image.color_range, image.colorspace, image.color_primaries, image.color_trc = 1, 9, 9, trc
    image.pts, image.time_base = 7, TICK
    (mapped,) = Filter(TO_SDR, image, TICK)(image)
    levels = Frame(mapped).planes()[0][16].astype(int)
    assert (mapped.pts, mapped.time_base, mapped.color_trc) == (7, TICK, 1)
    assert np.all(np.diff(levels) >= -1)
    assert levels[0] <= 18
    assert 150 < levels[-1] <= 235
