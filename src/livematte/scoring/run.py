"""Running networks and peers over annotated pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from livematte.dataset import Pictures, read_index, select
from livematte.errors import InputError, OptionError
from livematte.media import AnyPath
from livematte.media.output import check_target, whole_file, writing
from livematte.pipeline import Progress
from livematte.scoring.action import SET, Action
from livematte.scoring.classes import class_scores
from livematte.scoring.page import page
from livematte.scoring.peer import MakePeer, Ours, find_peer
from livematte.scoring.results import Evaluation
from livematte.scoring.samples import annotated, in_order
from livematte.scoring.trial import Trial
from livematte.segment import Segmenter


def evaluate(
    data: AnyPath,
    *,
    split: str = "val",
    sets: Sequence[str] = (),
    network: AnyPath = "best",
    peers: Sequence[str] | Mapping[str, MakePeer] = (),
    seed: int = 1,
    json: AnyPath | None = None,
    html: AnyPath | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Compare masks with the truth of one split, set by set: the network's, and those of peers beside it.

    data: a folder with `index.jsonl`. A still is segmented as a first frame; the frames of a clip follow each
    other, each fed the mask before it, and for comparison each as a first frame, too. Measured at the
    pictures' own size after refinement. Of a network that tells the classes of a person apart, these are
    measured, too.
    sets: only these. The set `stand-in`, for bodies in action, is made from the split's own pictures, where
    it has people shown whole and backgrounds without people (truth `none`); seed: which clips are made.
    peers: functions that make a `livematte.Peer`, by the name to give it, or as `module:function`.
    json, html: files for the results: figures, and one page to look at.
    Raises InputError, OptionError or OutputError.
    """
    for target in (json, html):
        if target is not None:
            check_target(Path(target), {Path(target).suffix.lower()})
    trials = [Trial(name, make) for name, make in _makers(network, threads, peers).items()]
    rows = select(read_index(Path(data)), split=split)
    shown = in_order([row for row in select(rows, sets=sets) if row.truth != "none"])
    with Pictures(Path(data)) as pictures:
        made = Action(pictures, rows if not sets or SET in sets else (), seed)
        total = len(shown) + len(made)
        if not total:
            wanted = f" in {list(sets)}" if sets else ""
            raise InputError(f"{data}: no annotated picture of split {split!r} there{wanted}")
        for number, sample in enumerate(chain(annotated(pictures, shown), made), 1):
            for trial in trials:
                trial.see(sample)
            if progress:
                progress(number, total)
        segmenter = Segmenter(network, threads=threads)
        classes = class_scores(pictures, shown, segmenter, str(network)) if segmenter.tells_parts else []
    evaluation = Evaluation(
        Path(data),
        split,
        scores=[score for trial in trials for score in trial.scores()],
        promises=[promise for trial in trials for promise in trial.promises()],
        measured=[figures for trial in trials for figures in trial.measured],
        worst=[shown for trial in trials for shown in trial.worst()],
        classes=classes,
    )
    if json is not None:
        _write(Path(json), evaluation.to_json())
    if html is not None:
        _write(Path(html), page(evaluation))
    return evaluation


def _makers(
    network: AnyPath, threads: int | None, peers: Sequence[str] | Mapping[str, MakePeer]
) -> dict[str, MakePeer]:
    """What makes each peer, by name, the network first."""
    ours = str(network)
    named = peers if isinstance(peers, Mapping) else {name: find_peer(name) for name in peers}
    if ours in named:
        raise OptionError(f"a peer has the network's name, {ours!r}; give it another")
    return {ours: lambda: Ours(Segmenter(network, threads=threads)), **named}


def _write(target: Path, text: str) -> None:
    with whole_file(target) as temporary, writing(target):
        temporary.write_text(text, encoding="utf-8")
