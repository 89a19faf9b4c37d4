"""Training: one loop, from annotated pictures to a checkpoint."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn, track
from torch import Tensor

from livematte.dataset import Pictures, Row, read_index, select
from livematte.errors import InputError, OptionError
from livematte.frame import Picture
from livematte.lab.augment import Composer
from livematte.lab.checkpoint import State, begin_with, load_weights, save_weights
from livematte.lab.efficientnet import load_imagenet
from livematte.lab.losses import loss_terms, taught_terms, total
from livematte.lab.muon import optimizers
from livematte.lab.network import PRESETS, Network, Sizes, shapes_of
from livematte.lab.photos import Photos
from livematte.lab.previous_mask import Mix, simulate
from livematte.lab.ranks import Ranks, together
from livematte.measure import iou
from livematte.threads import stop_on_interrupt

NON_COMMERCIAL = "non-commercial: that of the data it was trained on"
"""The licence of weights for which data of any licence was used."""


@dataclass(frozen=True)
class Recipe:
    """All that decides a training's result.

    data: folder with `index.jsonl`. out: folder for `last.pt` (to resume from) and `best.pt` (weights).
    phases: (side in pixels, steps) in order; resolution goes up, which learns most per hour.
    batch: pictures in one step, of each process where `torchrun` has started several.
    bfloat16: whether layers compute in bfloat16 (the weights stay float32); a fifth less time on
        a processor that knows it, more on others.
    network: the name of a preset, or sizes of one's own.
    mix: how often each simulation of the previous mask is used; without `start`, mostly none at first.
    val_set: the set of the index whose `val` split chooses the best checkpoint.
    teacher: a `best.pt` of a wider network, whose masks, classes and features are a second target, and whose
        licence binds the weights, too.
    start: weights to begin with (a `best.pt`) instead of random ones; what they lack begins at random. A
        preset then keeps their activation.
    any_licence: whether data whose licence forbids commercial use is used, too; it then binds the weights.
    keep_person: whether the layers of the person stay as `start` has them and only those of the parts learn,
        from pictures that tell parts.
    gentle: whether pictures are changed far less, which the end of a training wants.
    shapes: height and width of what is learnt from in a phase of 256²; those of the network's files when
        left out.
    """

    data: Path
    out: Path
    network: str | Sizes = "best"
    phases: tuple[tuple[int, int], ...] = ((128, 11500), (192, 3000), (256, 3600))
    batch: int = 16
    rate: float = 2e-2
    decay: float = 1e-4
    average: float = 0.999
    seed: int = 1
    device: str = "cpu"
    threads: int = 1
    validate_every: int = 500
    bfloat16: bool = False
    val_set: str = "picsart"
    teacher: Path | None = None
    start: Path | None = None
    any_licence: bool = False
    keep_person: bool = False
    gentle: bool = False
    shapes: Sequence[tuple[int, int]] | None = None
    mix: Mix = field(default_factory=Mix)

    @property
    def sizes(self) -> Sizes:
        """The network's; OptionError where no preset is called that."""
        if isinstance(self.network, Sizes):
            return self.network
        if self.network not in PRESETS:
            raise OptionError(f"network {self.network!r} is unknown; there is: {', '.join(PRESETS)}")
        return PRESETS[self.network]

    @property
    def steps(self) -> int:
        """Steps of all phases together."""
        return sum(steps for _, steps in self.phases)

    def phase(self, step: int) -> int:
        """The number of the phase that a step belongs to."""
        for number, (_, steps) in enumerate(self.phases):
            if step < steps:
                return number
            step -= steps
        return len(self.phases) - 1

    def learning_rate(self, step: int, warm: int = 500) -> float:
        """Linear for the first steps, then half a cosine down to a hundredth."""
        return self.rate * min(
            (step + 1) / warm, 0.01 + 0.99 * (1 + math.cos(math.pi * step / self.steps)) / 2
        )

    def mix_at(self, step: int) -> Mix:
        """The mix at a step; what starts from weights sees already and need not begin with empty masks."""
        return self.mix if self.start else self.mix.at(step / self.steps)


def train(recipe: Recipe, *, quiet: bool = False) -> State:
    """Train, or go on training, as the recipe says; returns the state at the end.

    Writes `last.pt` at every validation and, on Ctrl-C, after the step at work; `best.pt` when the validation
    IoU of the averaged weights is the best of the current phase, or with parts always: they go on getting
    better when the mask no longer does. Raises InputError or OptionError, and KeyboardInterrupt when stopped.
    """
    _check(recipe)
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    rows = read_index(recipe.data)
    usable = select(rows, split="train", commercial_only=not recipe.any_licence)
    wanted = _tells_parts if recipe.keep_person else _shows_people
    people = [row for row in usable if wanted(row)]
    empty = [row for row in usable if row.truth == "none"]
    validation = select(rows, split="val", sets=[recipe.val_set])
    if not validation:
        raise InputError(f"{recipe.data}: no picture of set {recipe.val_set!r} in its split 'val'")
    recipe.out.mkdir(parents=True, exist_ok=True)
    with together(recipe.device) as ranks, stop_on_interrupt() as stopped:
        teacher = load_weights(recipe.teacher).to(ranks.device) if recipe.teacher else None
        state = _start(recipe, ranks, teacher)
        console = Console(quiet=quiet or ranks.number > 0)
        while state.step < recipe.steps:
            _phase(recipe, state, teacher, ranks, people, empty, validation, console, stopped)
    return state


def _shows_people(row: Row) -> bool:
    return row.truth != "none"


def _tells_parts(row: Row) -> bool:
    return row.truth == "parts" or row.hair_mask is not None


def _check(recipe: Recipe) -> None:
    _ = recipe.sizes  # refuses what is unknown
    if recipe.batch < 2 or recipe.threads < 1 or recipe.rate <= 0:
        raise OptionError("a training needs a batch of at least 2, a thread at least and a rate above 0")
    if recipe.keep_person and not (recipe.sizes.parts and recipe.start):
        raise OptionError("the person's layers can be kept with --network parts and --start alone")
    weights = vars(recipe.mix).values()
    if min(weights) < 0 or not any(weights):
        raise OptionError(f"the weights of a mix are at least 0, and one is above it, not {recipe.mix}")
    try:
        torch.empty(1, device=recipe.device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(f"device {recipe.device!r} cannot be used here: {reason}") from None


def validate(
    network: Network, folder: Path, rows: Sequence[Row], height: int, width: int, device: str = "cpu"
) -> float:
    """Mean IoU of the person over the rows, each a first frame, measured at the picture's own size."""
    results = []
    network.eval()
    with Pictures(folder) as pictures, torch.no_grad():
        for row in rows:
            rgb, truth = pictures.pair(row)
            logits = look(network, rgb, height, width, device)
            mask = resized(logits[:, :1], *truth.shape)[0, 0] > 0
            results.append(iou(mask.cpu().numpy(), truth))
    return float(np.mean(results))


def look(
    network: Network, rgb: Picture, height: int, width: int, device: str, previous: Tensor | None = None
) -> Tensor:
    """Logits 1×1×height×width of an uint8 RGB picture of any size; previous: the mask before, as large."""
    picture = resized(torch.from_numpy(rgb).permute(2, 0, 1)[None].to(device) / 255, height, width)
    before = torch.zeros_like(picture[:, :1]) if previous is None else previous
    logits: Tensor = network(torch.cat([picture, before], 1))
    return logits


def _start(recipe: Recipe, ranks: Ranks, teacher: Network | None) -> State:
    network = _begin(recipe)
    if recipe.any_licence or (teacher and teacher.licence == NON_COMMERCIAL):
        network.licence = NON_COMMERCIAL
    if recipe.keep_person:
        network.freeze_person()
    if recipe.sizes.pretrained and not recipe.start:
        load_imagenet(network.stem, network.down)
    network.to(ranks.device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    state = State(
        network,
        copy.deepcopy(network).requires_grad_(False),
        optimizers(network, recipe.rate, recipe.decay),
        torch.Generator().manual_seed(recipe.seed + ranks.number),
    )
    last = recipe.out / "last.pt"
    if last.exists():
        state.load(last, ranks)
    return state


def _begin(recipe: Recipe) -> Network:
    if recipe.start is None:
        return Network(recipe.sizes)
    if isinstance(recipe.network, Sizes):
        return begin_with(recipe.start, recipe.sizes)
    activation = load_weights(recipe.start).sizes.activation
    return begin_with(recipe.start, replace(recipe.sizes, activation=activation))


def _phase(
    recipe: Recipe,
    state: State,
    teacher: Network | None,
    ranks: Ranks,
    people: Sequence[Row],
    empty: Sequence[Row],
    validation: Sequence[Row],
    console: Console,
    stopped: Event,
) -> None:
    number = recipe.phase(state.step)
    side = recipe.phases[number][0]
    end = sum(steps for _, steps in recipe.phases[: number + 1])
    composer = _composer(recipe, state, ranks, people, empty, side, console)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(f"{side}²", total=end, completed=state.step)
        clock, losses = time.monotonic(), []
        while state.step < end:
            losses.append(_step(recipe, state, teacher, ranks, composer, side))
            progress.update(bar, completed=state.step)
            if state.step % recipe.validate_every == 0 or state.step == end:
                value = validate(state.average, recipe.data, validation, side, side, ranks.device)
                entry = {"step": state.step, "side": side, "loss": float(np.mean(losses)), "val_iou": value}
                console.print(
                    f"step {state.step:6d}  {side}²  loss {entry['loss']:.4f}  val IoU {value:.4f}"
                    f"  {1000 * (time.monotonic() - clock) / len(losses):.0f} ms a step"
                )
                _keep(recipe, state, ranks, (number, state.step if recipe.sizes.parts else value), entry)
                clock, losses = time.monotonic(), []
            if ranks.any(stopped.is_set()):
                state.save(recipe.out / "last.pt", ranks)
                raise KeyboardInterrupt


def _keep(
    recipe: Recipe, state: State, ranks: Ranks, result: tuple[int, float], entry: dict[str, float]
) -> None:
    state.history.append(entry)
    if result > state.best:
        state.best = result
        if ranks.number == 0:
            save_weights(state.average, recipe.out / "best.pt")
    state.save(recipe.out / "last.pt", ranks)


def _step(
    recipe: Recipe, state: State, teacher: Network | None, ranks: Ranks, composer: Composer, side: int
) -> float:
    network = state.network.train()
    height, width = _shape(recipe.shapes or shapes_of(recipe.sizes), side, state.random)
    batch = composer.batch(recipe.batch, height, width)
    mix = recipe.mix_at(state.step)
    half = torch.autocast(torch.device(ranks.device).type, torch.bfloat16, enabled=recipe.bfloat16)

    def guess(pictures: Tensor) -> Tensor:
        with half, torch.no_grad():
            first: Tensor = state.average.eval()(_seen(pictures, torch.zeros_like(pictures[:, :1])))
            return first[:, :1].float().sigmoid()

    own = guess if recipe.sizes.previous else None
    picture, truth, previous = simulate(
        batch.picture, batch.truth, batch.earlier, batch.is_clip, mix, state.random, own, batch.sets
    )
    rate = recipe.learning_rate(state.step)
    for optimizer in state.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
    seen = _seen(picture, previous)
    with half:
        levels = network.look(seen)
        logits = network.tell(picture, levels).float()
    terms = loss_terms(logits, truth, batch.sets)
    if teacher is not None:
        with half, torch.no_grad():
            theirs = teacher.look(seen)
            taught = teacher.tell(picture, theirs).float()
        terms |= taught_terms(logits, taught, levels[2:], theirs[2:])
    loss = total(terms)
    network.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    # the statistics of all batches, so that every process holds the same network
    ranks.average([*gradients, *(value for value in network.buffers() if value.is_floating_point())])
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    for optimizer in state.optimizers:
        optimizer.step()
    state.step += 1
    _follow(state, recipe.average)
    return float(loss.detach())


def _seen(picture: Tensor, previous: Tensor) -> Tensor:
    return torch.cat([picture, previous], 1).contiguous(memory_format=torch.channels_last)


def _follow(state: State, decay: float) -> None:
    """Move the averaged weights towards the current ones, fast at first; batch statistics included."""
    decay = min(decay, (1 + state.step) / (10 + state.step))
    with torch.no_grad():
        for slow, fast in zip(
            state.average.state_dict().values(), state.network.state_dict().values(), strict=True
        ):
            if slow.is_floating_point():
                slow.lerp_(fast, 1 - decay)
            else:
                slow.copy_(fast)


def _shape(shapes: Sequence[tuple[int, int]], side: int, random: torch.Generator) -> tuple[int, int]:
    """One of the shapes, as large as side² is beside 256², in multiples of 4."""
    height, width = shapes[int(torch.randint(len(shapes), (), generator=random))]
    return 4 * (height * side // 1024), 4 * (width * side // 1024)


def _composer(
    recipe: Recipe,
    state: State,
    ranks: Ranks,
    people: Sequence[Row],
    empty: Sequence[Row],
    side: int,
    console: Console,
) -> Composer:
    def load(rows: Sequence[Row], what: str) -> Photos:
        bar = track(rows, f"reading {len(rows)} {what}", console=console)
        photos = Photos.load(recipe.data, rows, side + side // 4, bar, parts=recipe.sizes.parts)
        return photos.to(ranks.device)

    return Composer(load(people, "people"), load(empty, "backgrounds"), state.random, recipe.gentle)


def resized(x: Tensor, height: int, width: int) -> Tensor:
    """N×C×h×w to N×C×height×width, without aliasing."""
    return torch.nn.functional.interpolate(x, (height, width), mode="bilinear", antialias=True)
