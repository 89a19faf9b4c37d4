"""From a frame to its matte: the network's files, its state, and the edges."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import picture
from hypothesis import given
from hypothesis import strategies as st

import livematte
from livematte.errors import InputError, OptionError
from livematte.frame import Frame, Matte, Orientation
from livematte.segment import Segmenter
from livematte.segment.refine import Refiner
from livematte.segment.runtime import NETWORKS, Network, closest_shape, file_name, load

SIZES = [(1, 1), (17, 31), (400, 100), (64, 64)]


@pytest.fixture(scope="module")
def person() -> np.ndarray:
    """A person from the shipped clip, RGB, 120×96."""
    with as_file(files("livematte.sample") / "clip.mp4") as clip:
        return next(livematte.read(clip)).rgb(120, 96)


@pytest.fixture(scope="module")
def square(person: np.ndarray) -> np.ndarray:
    """The same at the network's size, RGB, 256×256."""
    return cv2.resize(person, (256, 256), interpolation=cv2.INTER_AREA)


@pytest.fixture
def segmenter() -> Segmenter:
    return Segmenter(threads=1)


def first(shown: np.ndarray | Frame) -> Matte:
    """The matte of a picture that nothing came before."""
    return Segmenter(threads=1)(shown)


def same(one: Matte, other: Matte) -> bool:
    return np.array_equal(one.mask, other.mask) and np.array_equal(one.levels, other.levels)


def rotated(upright: np.ndarray, orientation: Orientation) -> Frame:
    stored = np.ascontiguousarray(orientation.stored(upright))
    return Frame(av.VideoFrame.from_ndarray(stored, format="rgb24"), orientation=orientation)


# what comes out


@pytest.mark.parametrize("size", SIZES)
def test_alpha_has_the_pictures_size_and_range(segmenter: Segmenter, size: tuple[int, int]) -> None:
    matte = segmenter(picture(0, size))
    assert matte.alpha.dtype == np.float32
    assert matte.alpha.shape == matte.levels.shape == size[::-1]
    assert matte.levels.dtype == np.uint8
    assert 0 <= matte.alpha.min() <= matte.alpha.max() <= 1
    assert matte.mask.dtype == np.float32
    assert matte.mask.shape == closest_shape("best", *size)
    assert 0 <= matte.mask.min() <= matte.mask.max() <= 1


def test_the_mask_is_no_flat_surface(person: np.ndarray) -> None:
    assert np.ptp(first(person).alpha) > 0.5


@pytest.mark.parametrize("size", [(67, 123), (64, 48)])
@pytest.mark.parametrize("format", ["yuv420p", "yuvj420p"])
def test_yuv_frames_give_nearly_the_mask_of_rgb(
    person: np.ndarray, size: tuple[int, int], format: str
) -> None:
    rgb = Frame.from_rgb(cv2.resize(person, size, interpolation=cv2.INTER_AREA))
    matte = first(Frame(rgb.image.reformat(format=format, threads=1)))
    assert matte.levels.shape == size[::-1]
    assert np.abs(matte.mask - first(rgb.rgb()).mask).mean() < 0.05


@pytest.mark.parametrize("orientation", [o for o in Orientation if o != Orientation.UPRIGHT])
def test_a_rotated_frame_agrees_with_its_upright_picture(
    person: np.ndarray, orientation: Orientation
) -> None:
    matte, upright = first(rotated(person, orientation)), first(person)
    assert matte.orientation == orientation
    assert matte.levels.shape == orientation.stored(person).shape[:2]
    assert matte.mask.shape == upright.mask.shape
    assert np.abs(matte.mask - upright.mask).mean() < 0.01
    assert np.abs(matte.alpha - upright.alpha).mean() < 0.01


def test_the_watch_counts_both_stages(segmenter: Segmenter) -> None:
    segmenter(picture(0))
    assert set(segmenter.watch.seconds) == {"network", "refine"}
    assert min(segmenter.watch.seconds.values()) > 0


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (64, 64)])
def test_the_network_that_runs_is_named(segmenter: Segmenter, size: tuple[int, int]) -> None:
    segmenter(picture(0, size))
    height, width = closest_shape("best", *size)
    assert segmenter.network == f"best {height}×{width}"


def test_the_mask_of_a_mirrored_first_frame_is_mirrored(square: np.ndarray) -> None:
    mirrored = np.ascontiguousarray(square[:, ::-1])
    assert np.array_equal(first(mirrored).mask, first(square).mask[:, ::-1])


@pytest.mark.parametrize(("pixels", "twice"), [(1, False), (5, True)])
def test_a_frame_that_moved_far_is_looked_at_without_the_mask_before_too(
    segmenter: Segmenter, square: np.ndarray, pixels: int, twice: bool
) -> None:
    before = segmenter(square).mask
    moved = np.roll(square, pixels, axis=1)
    network = load("best", 256, 256, 1)
    expected = network.run(moved, before)
    if twice:
        expected = (expected + network.run(moved[:, ::-1], None)[:, ::-1]) / 2
    assert not segmenter(moved).begins
    assert np.abs(segmenter.previous - expected).max() < 1e-6


# what is remembered


def test_the_mask_before_is_read_until_reset(segmenter: Segmenter, person: np.ndarray) -> None:
    before = segmenter(person)
    assert not np.array_equal(segmenter(person).mask, before.mask)
    segmenter.reset()
    assert same(segmenter(person), before)


def test_a_cut_starts_anew(segmenter: Segmenter, person: np.ndarray) -> None:
    segmenter(255 - person)
    assert same(segmenter(person), first(person))


def test_a_small_change_is_no_cut(segmenter: Segmenter, person: np.ndarray) -> None:
    segmenter(person)
    moved = np.roll(person, 2, axis=1)
    assert not np.array_equal(segmenter(moved).mask, first(moved).mask)


def test_a_change_of_light_within_reason_is_no_cut(segmenter: Segmenter, person: np.ndarray) -> None:
    segmenter(person)
    darker = (person * 0.9).astype(np.uint8)
    assert not np.array_equal(segmenter(darker).mask, first(darker).mask)


def test_the_frame_after_a_cut_reads_the_mask_again(segmenter: Segmenter, person: np.ndarray) -> None:
    segmenter(255 - person)
    after_cut = segmenter(person)
    assert not np.array_equal(segmenter(person).mask, after_cut.mask)


@pytest.mark.parametrize("size", [(100, 96), (96, 120), (240, 192)])
def test_a_change_of_size_starts_anew(
    segmenter: Segmenter, person: np.ndarray, size: tuple[int, int]
) -> None:
    other = cv2.resize(person, size, interpolation=cv2.INTER_AREA)
    segmenter(person)
    assert same(segmenter(other), first(other))
    assert same(segmenter(person), first(person))


def test_a_previous_mask_that_is_set_is_read_by_the_next_frame(person: np.ndarray) -> None:
    one, other = Segmenter(threads=1), Segmenter(threads=1)
    mask = one(person).mask
    assert np.array_equal(one.previous, mask)
    other(person[:, :80])  # another size, so that the first frame after the reset changes it
    other.reset()
    assert other.previous is None
    other.previous = mask
    assert same(other(person), one(person))


def test_two_segmenters_do_not_share_state(segmenter: Segmenter, person: np.ndarray) -> None:
    other = Segmenter(threads=1)
    segmenter(person)
    assert same(other(person), first(person))


def test_a_matte_is_not_touched_by_the_next_one(segmenter: Segmenter, person: np.ndarray) -> None:
    matte = segmenter(person)
    levels, mask = matte.levels.copy(), matte.mask.copy()
    segmenter(np.roll(person, 30, axis=1))
    assert np.array_equal(matte.levels, levels)
    assert np.array_equal(matte.mask, mask)


# what is refused


@pytest.mark.parametrize("name", ["nope", "", "Best", "best-256x256"])
def test_an_unknown_network_is_refused_by_name(name: str) -> None:
    with pytest.raises(OptionError, match="best") as caught:
        Segmenter(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_missing_network_file_is_named(tmp_path: Path, kind: type) -> None:
    with pytest.raises(InputError, match=r"none\.tflite"):
        Segmenter(kind(tmp_path / "none.tflite"))


def half_a_network() -> bytes:
    content = (files("livematte.segment") / "weights" / "best-256x256.tflite").read_bytes()
    return content[: len(content) // 2]


@pytest.mark.parametrize("content", ["text", "empty", "zeros", "half"])
def test_a_file_that_is_no_network_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.tflite"
    kinds = {"text": b"no network at all\n" * 40, "empty": b"", "zeros": bytes(5000)}
    path.write_bytes(half_a_network() if content == "half" else kinds[content])
    with pytest.raises(InputError, match=r"x\.tflite") as caught:
        Segmenter(path)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_network(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        Segmenter(tmp_path)


@pytest.mark.parametrize("threads", [0, -1])
def test_fewer_than_one_thread_is_refused(threads: int) -> None:
    with pytest.raises(OptionError, match=str(threads)):
        Segmenter(threads=threads)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8, 3), np.int64),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["float", "int64", "grey", "rgba", "empty"],
)
def test_a_wrong_kind_of_picture_is_refused(segmenter: Segmenter, wrong: np.ndarray) -> None:
    with pytest.raises(OptionError, match="uint8 RGB"):
        segmenter(wrong)


# files and shapes


@pytest.mark.parametrize(
    ("name", "shape"), [(name, shape) for name, shapes in NETWORKS.items() for shape in shapes]
)
def test_every_file_has_the_shape_of_its_name(name: str, shape: tuple[int, int]) -> None:
    with as_file(files("livematte.segment") / "weights" / file_name(name, *shape)) as path:
        network = Network(path, 1)
    assert (network.height, network.width) == shape
    mask = network.run(np.full((*shape, 3), 90, np.uint8), None)
    assert mask.shape == shape


def test_a_networks_file_can_be_named_by_its_path(person: np.ndarray) -> None:
    square = np.ascontiguousarray(person[:, :96])
    with as_file(files("livematte.segment") / "weights" / "best-256x256.tflite") as path:
        assert same(Segmenter(path, threads=1)(square), first(square))


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((1920, 1080), (192, 320)),
        ((1080, 1920), (320, 192)),
        ((480, 480), (256, 256)),
        ((1, 1), (256, 256)),
        ((640, 480), (224, 288)),
        ((480, 640), (288, 224)),
        ((1500, 1000), (192, 320)),
        ((4000, 10), (192, 320)),
        ((1, 10_000), (320, 192)),
    ],
)
def test_the_closest_shape(size: tuple[int, int], shape: tuple[int, int]) -> None:
    assert closest_shape("best", *size) == shape


@pytest.mark.parametrize("name", NETWORKS)
@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_no_usual_picture_is_squeezed_much(name: str, width: int, height: int) -> None:
    high, wide = closest_shape(name, width, height)
    assert high * wide <= 256 * 256
    squeezed = wide / high * height / width
    if 9 / 16 <= width / height <= 16 / 9:
        assert 1 / 1.18 < squeezed < 1.18


# edges


@pytest.mark.parametrize(("value", "level"), [(0, 0), (1, 255)])
@pytest.mark.parametrize("size", [(1, 1), (17, 31), (64, 48), (701, 350), (1280, 720)])
def test_a_mask_of_one_value_stays_so(size: tuple[int, int], value: int, level: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    levels = Refiner()(np.full((144, 256), value, np.float32), Frame.from_rgb(noise))
    assert levels.shape == size[::-1]
    assert (levels == level).all()


def step(size: tuple[int, int], upright: bool) -> np.ndarray:
    """0 in one half of the picture and 1 in the other."""
    high, wide = size[::-1]
    whole = np.zeros((high, wide), np.float32)
    if upright:
        whole[:, wide // 2 :] = 1
    else:
        whole[high // 2 :] = 1
    return whole


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("size", [(480, 480), (1280, 720), (720, 1280)])
def test_a_blurred_edge_snaps_to_the_edge_of_luma(size: tuple[int, int], rising: bool, upright: bool) -> None:
    truth = step(size, upright)
    luma = np.where(truth > 0.5, 210, 40) if rising else np.where(truth > 0.5, 40, 210)
    frame = Frame.from_rgb(np.repeat(luma.astype(np.uint8)[..., None], 3, axis=2))
    small = cv2.resize(truth, (size[0] // 5, size[1] // 5), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 0.7)
    plain = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
    ours = Refiner()(small, frame) / 255
    assert np.abs(ours - truth).mean() < 0.5 * np.abs(plain - truth).mean()


def test_without_an_edge_of_luma_the_mask_is_only_enlarged() -> None:
    small = cv2.GaussianBlur(step((64, 48), True), (0, 0), 6)
    flat = Frame.from_rgb(np.full((144, 192, 3), 90, np.uint8))
    plain = cv2.resize(small, (192, 144), interpolation=cv2.INTER_LINEAR)
    ours = Refiner()(small, flat) / 255
    assert np.abs(ours[:, :20]).max() == 0
    assert ours[:, -20:].min() == 1
    assert abs(ours[:, 90:102].mean() - plain[:, 90:102].mean()) < 0.02


@pytest.mark.parametrize("format", ["yuv420p", "yuv420p10le", "rgb24"])
@pytest.mark.parametrize("size", [(640, 360), (400, 656), (642, 362)])
def test_alpha_in_boxes_is_that_of_the_whole_frame(
    size: tuple[int, int], format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    rgb = cv2.blur(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8), (9, 9))
    frame = Frame(Frame.from_rgb(rgb).image.reformat(format=format))
    mask = np.zeros((144, 256), np.float32)
    for x, y, radius in rng.integers((0, 0, 3), (256, 144, 40), (6, 3)).tolist():
        cv2.circle(mask, (x, y), radius, 1, -1)
    mask = cv2.blur(mask, (5, 5))
    whole = Refiner()(mask, frame)
    monkeypatch.setattr("livematte.segment.refine.LARGE", 0)
    assert set(np.unique(whole)) > {0, 255}
    assert np.array_equal(Refiner()(mask, frame), whole)


def test_buffers_of_one_size_do_not_show_in_another() -> None:
    rng = np.random.default_rng(3)
    shared = Refiner()
    for size in [(64, 48), (17, 31), (64, 48), (48, 64), (1, 1), (64, 48)]:
        frame = Frame.from_rgb(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8))
        mask = rng.random((32, 32), np.float32)
        assert np.array_equal(shared(mask, frame), Refiner()(mask, frame))
