"""Ablations: what each idea of the network and of its training is worth, trained on equal terms.

Every variant differs from the base in one thing; data, steps, side, batch and seeds are the same for all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from livematte.dataset import Pictures, Row, read_index, select
from livematte.errors import InputError, OptionError
from livematte.lab.network import Network, Sizes, count_macs, shapes_of
from livematte.lab.previous_mask import Mix
from livematte.lab.train import Recipe, look, resized, train
from livematte.measure import boundary_f, iou

MEASURES = {
    "iou": "IoU",
    "boundary_f": "boundary F",
    "settled": "IoU, own mask fed back",
    "misled": "IoU, another's mask fed in",
}
"""What is measured on the validation pictures, and how the table calls it.

The first two without a previous mask; `settled` with the network's own mask of the same picture as the
previous one, `misled` with the true mask of the next picture: what the simulations are for.
"""


@dataclass(frozen=True)
class Variant:
    """One network and one mix of simulated previous masks."""

    sizes: Sizes
    mix: Mix = field(default_factory=Mix)


def variants(base: Sizes) -> dict[str, Variant]:
    """All variants of a network by name; `base` is the network itself."""
    first, second = base.squeeze[:2]
    networks = {
        "base": base,
        "no-skips": replace(base, skips=False),
        "no-context": replace(base, context=False),
        # squeezed where channels are many: the first two levels stay as they are
        **{f"squeeze-{n}": replace(base, squeeze=(first, second, n, n)) for n in (4, 8, 16, 32)},
        "refine-none": replace(base, refine="none"),
        "refine-plain": replace(base, refine="plain"),
        "refine-blocks": replace(base, refine="blocks"),
        "stem-usual": _usual_stem(base),
        "relu": replace(base, activation="relu"),
        "prelu": replace(base, activation="prelu"),
        "no-previous": replace(base, previous=False),
    }
    left_out = {f"without-{name}": Variant(base, replace(Mix(), **{name: 0})) for name in vars(Mix())}
    named = {name: Variant(sizes) for name, sizes in networks.items()} | left_out
    # what the base is already, it need not be twice
    return {name: found for name, found in named.items() if name == "base" or found != named["base"]}


def _usual_stem(base: Sizes) -> Sizes:
    """3×3 with stride 2; half the channels at twice the resolution, for about the same work."""
    one, two, three, four = (width // 2 for width in base.widths)
    return replace(base, stem_kernel=3, stem_stride=2, widths=(one, two, three, four))


def ablate(
    data: str | PathLike[str],
    out: str | PathLike[str],
    *,
    network: str = "best",
    only: Sequence[str] = (),
    steps: int = 4000,
    side: int = 128,
    seeds: int = 3,
    batch: int = 16,
    device: str = "cpu",
    threads: int = 1,
    quiet: bool = False,
) -> Path:
    """Train the variants of a network and write the table of what they reached; returns its path.

    data: a folder as `train` takes it. out: a folder; every variant and seed has its own in it, a finished
    one is not trained again, a stopped one goes on. `table.md` and `table.json` hold all that is finished in
    it and are written anew after each.
    network: the preset that the variants differ from. only: names of variants, instead of all.
    seeds: how often each is trained, with seeds 1, 2, …: the spread is what chance does.
    Raises InputError or OptionError, and KeyboardInterrupt when stopped.
    """
    data, out = Path(data), Path(out)
    if steps < 1 or seeds < 1 or side < 32 or side % 32:
        raise OptionError("an ablation needs a step, a seed and a side that is a multiple of 32")
    recipe = Recipe(data, out, network, ((side, steps),), batch, device=device, threads=threads)
    if recipe.sizes.pretrained:
        raise OptionError(f"an ablation is of a network of this design, which {network!r} is not")
    known = variants(recipe.sizes)
    if unknown := [name for name in only if name not in known]:
        raise OptionError(f"no variant is called {unknown[0]!r}; there is: {', '.join(known)}")
    validation = select(read_index(data), split="val", sets=[recipe.val_set])
    index = hashlib.sha256((data / "index.jsonl").read_bytes()).hexdigest()
    shapes = shapes_of(recipe.sizes)  # the base's, for all
    terms = {
        "index": index,
        "network": network,
        "shapes": [list(shape) for shape in shapes],
        "steps": steps,
        "side": side,
        "batch": batch,
    }
    _agree(out / "terms.json", terms)
    console = Console(quiet=quiet)
    # seed by seed: a first table of everything is there after a part of the time
    for seed in range(1, seeds + 1):
        for name in only or known:
            folder, found = out / f"{name}-{seed}", known[name]
            if not (folder / "result.json").exists():
                console.print(f"{name}, seed {seed}")
                one = replace(
                    recipe, out=folder, network=found.sizes, shapes=shapes, mix=found.mix, seed=seed
                )
                result = {"variant": name, "seed": seed, **_trained(one, validation, quiet)}
                _write(folder / "result.json", json.dumps(result, indent=1))
            _write_table(out, list(known))
    return out / "table.md"


def _agree(path: Path, terms: dict[str, object]) -> None:
    """Keep the terms in the folder; InputError where what is in it was begun on others."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, json.dumps(terms, indent=1))
    elif (found := json.loads(path.read_text(encoding="utf-8"))) != terms:
        other = ", ".join(name for name in terms if found.get(name) != terms[name])
        raise InputError(f"{path}: begun with another {other}; give another folder, or the same terms")


def _trained(recipe: Recipe, validation: Sequence[Row], quiet: bool) -> dict[str, float]:
    """Cost and figures of the averaged weights at the end: choosing the best would favour those that jump."""
    average = train(recipe, quiet=quiet).average.eval()
    return {
        "parameters": sum(weight.numel() for weight in average.parameters()),
        "mmac": count_macs(Network(recipe.sizes), 256, 256) / 1e6,
        **scores(average, recipe.data, validation, recipe.phases[-1][0], recipe.device),
    }


def scores(network: Network, folder: Path, rows: Sequence[Row], side: int, device: str) -> dict[str, float]:
    """The mean over the pictures of each of MEASURES, seen at side×side and measured at their own size."""
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    with Pictures(folder) as pictures, torch.no_grad():
        for number, row in enumerate(rows):
            rgb, truth = pictures.pair(row)
            next_truth = torch.from_numpy(pictures.person(rows[(number + 1) % len(rows)]))
            another = resized(next_truth[None, None].to(device) / 255, side, side)
            first = look(network, rgb, side, side, device)
            mask = _at_size(first, truth.shape)
            found["iou"].append(iou(mask, truth))
            found["boundary_f"].append(boundary_f(mask, truth))
            for name, before in (("settled", first.sigmoid()), ("misled", another)):
                again = look(network, rgb, side, side, device, before)
                found[name].append(iou(_at_size(again, truth.shape), truth))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _at_size(logits: Tensor, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = (resized(logits, *shape)[0, 0] > 0).cpu().numpy()
    return mask


def _write_table(out: Path, order: Sequence[str]) -> None:
    """What is finished in the folder, in the variants' order: Markdown to read, JSON with every seed."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(out.glob("*/result.json"))]
    results.sort(key=lambda result: (order.index(result["variant"]), result["seed"]))
    _write(out / "table.json", json.dumps(results, indent=1))
    head = ["variant", "seeds", *MEASURES.values(), "parameters", "MMAC at 256×256"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name in order:
        runs = [result for result in results if result["variant"] == name]
        if runs:
            cells = [_spread([run[measure] for run in runs]) for measure in MEASURES]
            cost = [f"{runs[0]['parameters']:,}", f"{runs[0]['mmac']:.1f}"]
            lines.append("| " + " | ".join([name, str(len(runs)), *cells, *cost]) + " |")
    _write(out / "table.md", "\n".join(lines) + "\n")


def _spread(values: Sequence[float]) -> str:
    """The mean and, of several, the sample standard deviation."""
    mean = f"{np.mean(values):.4f}"
    return f"{mean} ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else mean


def _write(path: Path, text: str) -> None:
    """Write to a neighbour first: a stop in the middle leaves no half file."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
