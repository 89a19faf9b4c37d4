"""Ablations on a data folder and networks so small that they learn nothing."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from livematte.dataset import read_index, select  # noqa: E402
from livematte.errors import InputError, OptionError  # noqa: E402
from livematte.lab import ablate as ablation  # noqa: E402
from livematte.lab.ablate import MEASURES, ablate, scores, variants  # noqa: E402
from livematte.lab.network import PRESETS, Network, Sizes, count_macs, shapes_of  # noqa: E402
from livematte.lab.previous_mask import Mix  # noqa: E402
from livematte.lab.train import train  # noqa: E402

torch.set_num_threads(1)

TINY = Sizes(widths=(8, 8, 16, 16), depths=(1, 1, 1, 1), squeeze=(2, 2, 2, 2), kernels=(3, 3, 3, 3))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Red discs before grey noise."""
    folder, random, lines = tmp_path_factory.mktemp("data"), np.random.default_rng(1), []
    for number in range(12):
        picture = np.repeat(random.integers(60, 200, (40, 48, 1), dtype=np.uint8), 3, 2)
        line = {
            "image": f"{number}.png",
            "truth": "none",
            "kind": "background",
            "split": "train",
            "set": "made",
        }
        if number < 10:
            mask = np.zeros((40, 48), np.uint8)
            cv2.circle(mask, [int(place) for place in random.integers(14, 30, 2)], 11, 255, -1)
            picture[mask > 0] = (40, 40, 200)
            cv2.imwrite(str(folder / f"{number}m.png"), mask)
            split = {"split": "val", "set": "picsart"} if number < 3 else {}
            line |= {"truth": "person", "kind": "still", "mask": f"{number}m.png"} | split
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        lines.append(json.dumps(line) + "\n")
    (folder / "index.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(PRESETS, "tiny", TINY)


def run(data, out, *only, **terms):
    return ablate(
        data,
        out,
        **({"network": "tiny", "steps": 2, "side": 32, "seeds": 1, "batch": 2} | terms),
        only=only,
        quiet=True,
    )


def results(out):
    return {(one["variant"], one["seed"]): one for one in json.loads((out / "table.json").read_text())}


def test_all_variants_learn_from_pictures_of_the_bases_shapes(data, tmp_path, monkeypatch):
    learnt = []

    def noted(recipe, **options):
        learnt.append(recipe)
        return train(recipe, **options)

    monkeypatch.setattr(ablation, "train", noted)
    run(data, tmp_path, "base", "no-skips", network="fast", steps=1)
    assert learnt[0].sizes == PRESETS["fast"] != learnt[1].sizes
    assert learnt[0].shapes == learnt[1].shapes == shapes_of(PRESETS["fast"]) != shapes_of(TINY)


def test_a_variant_differs_from_its_base_in_one_thing():
    found = variants(PRESETS["best"])
    base = found.pop("base")
    assert base.sizes == PRESETS["best"]
    for name, variant in found.items():
        changed = [key for key, value in vars(variant.sizes).items() if value != getattr(base.sizes, key)]
        mixed = [key for key, value in vars(variant.mix).items() if value != getattr(Mix(), key)]
        assert len(changed) + len(mixed) == (3 if name == "stem-usual" else 1), name
        assert all(getattr(variant.mix, key) == 0 for key in mixed)
    assert {"no-skips", "squeeze-16", "squeeze-32", "refine-plain", "no-previous", "without-spline"} < set(
        found
    )


@pytest.mark.parametrize("name", ["best", "fast", "parts"])
def test_the_usual_stem_costs_about_as_much_as_the_large_one(name):
    found = variants(PRESETS[name])
    usual, base = (count_macs(Network(found[key].sizes), 256, 256) for key in ("stem-usual", "base"))
    assert usual == pytest.approx(base, rel=0.15)


def test_a_pretrained_teacher_has_no_variants(tmp_path):
    with pytest.raises(OptionError, match="'teacher' is not"):
        ablate(tmp_path, tmp_path / "out", network="teacher")


def test_it_trains_what_is_asked_for_and_writes_the_table(data, tmp_path):
    table = run(data, tmp_path, "base", "no-skips", seeds=2).read_text(encoding="utf-8")
    found = results(tmp_path)
    assert list(found) == [("base", 1), ("base", 2), ("no-skips", 1), ("no-skips", 2)]
    head, _, base, without = table.splitlines()
    assert "boundary F" in head
    assert base.startswith("| base | 2 | ")
    assert without.startswith("| no-skips | 2 | ")
    values = [found["base", seed]["iou"] for seed in (1, 2)]
    assert f"| {np.mean(values):.4f} ± {np.std(values, ddof=1):.4f} |" in base
    for (name, _), one in found.items():
        network = Network(variants(TINY)[name].sizes)
        assert one["parameters"] == sum(weight.numel() for weight in network.parameters())
        assert one["mmac"] == count_macs(network, 256, 256) / 1e6
        assert all(0 <= one[measure] <= 1 for measure in MEASURES)


def test_it_goes_on_where_it_was_stopped_and_trains_nothing_twice(data, tmp_path, monkeypatch):
    trained, kept = [], ablation.train

    def counted(recipe, **named):
        trained.append(recipe.out.name)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return kept(recipe, **named)

    monkeypatch.setattr(ablation, "train", counted)
    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path, "base", "without-small")
    assert list(results(tmp_path)) == [("base", 1)]
    before = results(tmp_path)["base", 1]
    run(data, tmp_path, "base", "without-small")
    assert trained == ["base-1", "without-small-1", "without-small-1"]
    assert results(tmp_path)["base", 1] == before
    run(data, tmp_path, "base", seeds=2)
    assert trained[3:] == ["base-2"]
    assert len(results(tmp_path)) == 3


def test_other_terms_in_the_same_folder_are_refused(data, tmp_path):
    run(data, tmp_path, "base")
    with pytest.raises(InputError, match=r"terms\.json.*another steps"):
        run(data, tmp_path, "base", steps=3)
    assert len(results(tmp_path)) == 1


def test_a_folder_begun_at_other_shapes_is_refused(data, tmp_path, monkeypatch):
    run(data, tmp_path, "base")
    monkeypatch.setattr(ablation, "shapes_of", lambda sizes: [(64, 64)])
    with pytest.raises(InputError, match=r"terms\.json.*another shapes"):
        run(data, tmp_path, "base", "no-skips")
    assert len(results(tmp_path)) == 1


def test_an_unknown_variant_is_refused_with_the_known_ones(data, tmp_path):
    with pytest.raises(OptionError, match=r"'colour'.*base.*no-skips"):
        run(data, tmp_path / "out", "base", "colour")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("terms", [{"steps": 0}, {"seeds": 0}, {"side": 40}, {"side": 0}])
def test_terms_that_cannot_be_are_refused(data, tmp_path, terms):
    with pytest.raises(OptionError, match="multiple of 32"):
        run(data, tmp_path / "out", **terms)


def test_a_network_that_repeats_the_previous_mask_scores_as_that(data):
    """`settled` and `misled` must be fed what they say."""

    class Repeats(torch.nn.Module):
        def forward(self, x):
            return 20 * x[:, 3:] - 10

    rows = select(read_index(data), split="val", sets=["picsart"])
    found = scores(Repeats(), data, rows, 32, "cpu")
    assert found["iou"] == found["settled"] == 0
    assert 0.05 < found["misled"] < 0.8
    alone = scores(Repeats(), data, rows[:1], 32, "cpu")
    assert alone["misled"] > 0.85


def test_without_a_previous_mask_nothing_fed_in_matters(data):
    torch.manual_seed(1)
    network = Network(replace(TINY, previous=False)).eval()
    found = scores(network, data, select(read_index(data), split="val", sets=["picsart"]), 32, "cpu")
    assert found["iou"] == found["settled"] == found["misled"]
