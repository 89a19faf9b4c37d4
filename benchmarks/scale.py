"""What a large batch needs and costs: one worker measured, a cluster of up to 1,000 simulated.

python benchmarks/scale.py [--core-seconds S --megabytes M] [--price 0.04] [--workers 1 10 100 1000] ...

Measured, unless given: the processor's seconds that one worker spends on a minute of 1280×720 at 30 frames a
second, reading, writing and starting up included; the size of what it reads and writes; and how long one
driver takes over one clip, its lines in the manifest included.

Simulated, event by event: workers of one core each that fetch a clip, work and put the result back; a store
whose bandwidth those who are at it share, each with a share of its own at the most; a driver that hands out
and notes one clip at a time; workers that fail at random and are noticed and replaced some time later, and a
driver that fails, upon which all work in progress is lost, as `livematte batch` would lose it. Lengths of
clips are log-normal. The figures are those of the hours that follow the first, so that start and end do not
count.
"""

from __future__ import annotations

import argparse
import heapq
import math
import os
import random
import resource
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from compare import enlarged

import livematte
from livematte.jobs.manifest import Manifest
from livematte.jobs.tasks import Unchanged
from livematte.jobs.workers import Processes

FRAMES, RATE = 180, 30  # of the clip that is measured


def main() -> None:
    """Measure, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--core-seconds", type=float, help="of the processor for a minute of video; measured when left out")
    add("--megabytes", type=float, nargs=2, help="a minute of input and of result; measured when left out")
    add("--driver", type=float, help="seconds of the driver for one clip; measured when left out")
    add("--price", type=float, default=0.04, help="of a core for an hour")
    add("--workers", type=int, nargs="+", default=[1, 10, 100, 300, 1000])
    add("--minutes", type=float, default=1.0, help="mean length of a clip")
    add("--spread", type=float, default=1.0, help="standard deviation of the logarithm of lengths")
    add("--store", type=float, default=10.0, help="bandwidth of the store, Gbit/s")
    add("--link", type=float, default=1.0, help="bandwidth of one worker, Gbit/s")
    add("--latency", type=float, default=0.1, help="seconds before a store begins to answer")
    add("--life", type=float, default=24.0, help="hours until a worker fails, on average")
    add("--notice", type=float, default=30.0, help="seconds until that is noticed")
    add("--replace", type=float, default=180.0, help="seconds until there is another")
    add("--driver-life", type=float, default=24.0, help="hours until the driver fails, on average")
    add("--driver-back", type=float, default=60.0, help="seconds until it is back")
    add("--hours", type=float, default=4.0, help="to simulate")
    add("--seed", type=int, default=1)
    given = parser.parse_args()
    core, megabytes = given.core_seconds, given.megabytes
    if core is None or megabytes is None:
        measured = measure()
        core, megabytes = core or measured[0], megabytes or measured[1:]
    driver = given.driver or measure_driver()
    print(f"a minute of 1280×720 at {RATE} a second: {core:.1f} s of one core, ", end="")
    print(f"{megabytes[0]:.1f} MB in, {megabytes[1]:.1f} MB out; driver {1000 * driver:.1f} ms a clip")
    print(f"load of this machine while measuring: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    head = ("workers", "clips/h", "per core", "busy", "lost", "fetched", "stored", "at it", "driver", "price")
    print("".join(f"{word:>10}" for word in head))
    print(
        "".join(
            f"{word:>10}" for word in ("", "", "and h", "%", "%", "Gbit/s", "Gbit/s", "most", "%", "1000 min")
        )
    )
    for workers in given.workers:
        plan = Plan(
            workers=workers,
            minutes=given.minutes,
            spread=given.spread,
            core_seconds=core,
            gigabits=(megabytes[0] * 0.008, megabytes[1] * 0.008),
            store=given.store,
            link=given.link,
            latency=given.latency,
            driver=driver,
            life=given.life * 3600,
            notice=given.notice,
            replace=given.replace,
            driver_life=given.driver_life * 3600,
            driver_back=given.driver_back,
        )
        tell(plan, Cluster(plan, random.Random(given.seed)).run(given.hours * 3600), given.price)


# what is measured


def measure() -> tuple[float, float, float]:
    """Core-seconds, megabytes in and megabytes out of one worker for a minute of video."""
    with tempfile.TemporaryDirectory() as name:
        folder, clips = Path(name), 4
        (folder / "in").mkdir()
        first = enlarged(folder / "in" / "0.mp4")
        for number in range(1, clips):
            (folder / "in" / f"{number}.mp4").write_bytes(first.read_bytes())
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        livematte.batch(folder / "in", folder / "out", "blur", workers=1)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        sizes = first.stat().st_size, (folder / "out" / "0.mp4").stat().st_size
    share = 60 * RATE / FRAMES
    return busy / clips * share, sizes[0] * share / 1e6, sizes[1] * share / 1e6


def measure_driver(clips: int = 300) -> float:
    """Seconds for handing out one clip and writing down its beginning and end."""
    team = Processes(1)
    try:
        team.submit(Unchanged).result()  # the worker starts
        with (
            tempfile.TemporaryDirectory(dir=Path.cwd()) as name,
            Manifest(Path(name) / "m.jsonl") as manifest,
        ):
            begin = time.perf_counter()
            for number in range(clips):
                manifest.add("begun", f"{number}.mp4", source="s3://bucket/clips/clip.mp4", attempt=1)
                team.submit(Unchanged).result()
                known = {"fingerprint": "1 1", "settings": "0" * 16, "bytes": 1, "frames": 1, "seconds": 1.0}
                manifest.add("done", f"{number}.mp4", source="s3://bucket/clips/clip.mp4", **known)
            return (time.perf_counter() - begin) / clips
    finally:
        team.close()


# what is simulated


@dataclass(frozen=True)
class Plan:
    """The cluster, in seconds, minutes of video and gigabits."""

    workers: int
    minutes: float
    spread: float
    core_seconds: float
    gigabits: tuple[float, float]
    store: float
    link: float
    latency: float
    driver: float
    life: float
    notice: float
    replace: float
    driver_life: float
    driver_back: float


@dataclass
class Totals:
    """What happened in the hours that count."""

    seconds: float = 0.0
    clips: int = 0
    minutes: float = 0.0
    computed: float = 0.0
    lost: float = 0.0
    fetched: float = 0.0
    stored: float = 0.0
    most: int = 0
    driver: float = 0.0
    failures: int = 0


@dataclass
class Worker:
    """One core; turn: counts lives and clips, so that events of an earlier one are known as such."""

    turn: int = 0
    minutes: float = 0.0
    begun: float = 0.0
    transfers: bool = False


@dataclass
class Cluster:
    """Workers, store and driver, moved from event to event. The supply of clips has no end."""

    plan: Plan
    chance: random.Random
    now: float = 0.0
    warm: float = 0.0
    driver_free: float = 0.0
    at_store: int = 0
    totals: Totals = field(default_factory=Totals)
    events: list[tuple[float, int, str, int, int]] = field(default_factory=list)
    count: int = 0

    def run(self, seconds: float) -> Totals:
        """Let so much time pass; the first quarter of it, an hour at the most, does not count."""
        self.warm = min(3600.0, seconds / 4)
        self.workers = [Worker() for _ in range(self.plan.workers)]
        for number in range(self.plan.workers):
            self.at(0.0, "ask", number)
            self.at(self.chance.expovariate(1 / self.plan.life), "die", number)
        self.at(self.chance.expovariate(1 / self.plan.driver_life), "driver dies", -1)
        while self.events[0][0] <= seconds:
            self.now, _, what, number, turn = heapq.heappop(self.events)
            if what == "driver dies":
                self.lose_driver()
            elif what in ("die", "ask") or turn == self.workers[number].turn:
                getattr(self, what)(number)
        self.totals.seconds = seconds - self.warm
        return self.totals

    def at(self, when: float, what: str, number: int) -> None:
        """Let something happen later."""
        self.count += 1
        turn = self.workers[number].turn if number >= 0 else 0
        heapq.heappush(self.events, (when, self.count, what, number, turn))

    @property
    def counts(self) -> bool:
        """Whether the start is over."""
        return self.now >= self.warm

    def through_driver(self, share: float) -> float:
        """When the driver has done a share of its work on a clip."""
        self.driver_free = max(self.driver_free, self.now) + share * self.plan.driver
        if self.counts:
            self.totals.driver += share * self.plan.driver
        return self.driver_free

    def ask(self, number: int) -> None:
        """A worker is free."""
        worker = self.workers[number]
        worker.turn += 1
        mean = math.log(self.plan.minutes) - self.plan.spread**2 / 2
        worker.minutes = self.chance.lognormvariate(mean, self.plan.spread)
        self.at(self.through_driver(0.5), "fetch", number)

    def fetch(self, number: int) -> None:
        """It has been given a clip, and reads it."""
        self.workers[number].begun = self.now
        self.at(self.transfer(number, 0), "work", number)

    def work(self, number: int) -> None:
        """It has read the clip."""
        self.leave_store(number)
        if self.counts:
            self.totals.fetched += self.workers[number].minutes * self.plan.gigabits[0]
        self.at(self.now + self.workers[number].minutes * self.plan.core_seconds, "store", number)

    def store(self, number: int) -> None:
        """It has the result, and writes it."""
        self.at(self.transfer(number, 1), "finish", number)

    def finish(self, number: int) -> None:
        """The result is whole; the driver is told."""
        self.leave_store(number)
        worker = self.workers[number]
        if self.counts:
            totals = self.totals
            totals.clips += 1
            totals.minutes += worker.minutes
            totals.computed += worker.minutes * self.plan.core_seconds
            totals.stored += worker.minutes * self.plan.gigabits[1]
        worker.begun = 0.0
        self.at(self.through_driver(0.5), "ask", number)

    def die(self, number: int) -> None:
        """A worker fails; another takes its place."""
        self.drop(number)
        self.totals.failures += self.counts
        back = self.now + max(self.plan.notice, self.plan.replace)
        self.at(back, "ask", number)
        self.at(back + self.chance.expovariate(1 / self.plan.life), "die", number)

    def lose_driver(self) -> None:
        """The driver fails, and with it all that is in progress."""
        back = self.driver_free = self.now + self.plan.driver_back
        for number, worker in enumerate(self.workers):
            if worker.begun or worker.transfers:
                self.drop(number)
                self.at(back, "ask", number)
        self.at(back + self.chance.expovariate(1 / self.plan.driver_life), "driver dies", -1)

    def drop(self, number: int) -> None:
        """What a worker had begun is lost."""
        worker = self.workers[number]
        self.leave_store(number)
        if worker.begun and self.counts:
            self.totals.lost += self.now - worker.begun
        worker.begun = 0.0
        worker.turn += 1

    def transfer(self, number: int, way: int) -> float:
        """When so much has gone to or from the store, at the share there is when it begins."""
        self.workers[number].transfers = True
        self.at_store += 1
        if self.counts:
            self.totals.most = max(self.totals.most, self.at_store)
        speed = min(self.plan.link, self.plan.store / self.at_store)
        return self.now + self.plan.latency + self.workers[number].minutes * self.plan.gigabits[way] / speed

    def leave_store(self, number: int) -> None:
        """Make room for others."""
        self.at_store -= self.workers[number].transfers
        self.workers[number].transfers = False


def tell(plan: Plan, totals: Totals, price: float) -> None:
    """Print one line of the table."""
    hours, paid = totals.seconds / 3600, plan.workers * totals.seconds
    figures = (
        f"{plan.workers}",
        f"{totals.clips / hours:.0f}",
        f"{totals.clips / hours / plan.workers:.1f}",
        f"{100 * totals.computed / paid:.1f}",
        f"{100 * totals.lost / paid:.2f}",
        f"{totals.fetched / totals.seconds:.2f}",
        f"{totals.stored / totals.seconds:.2f}",
        f"{totals.most}",
        f"{100 * totals.driver / totals.seconds:.1f}",
        f"{paid / 3600 * price / totals.minutes * 1000:.2f}",
    )
    print("".join(f"{figure:>10}" for figure in figures))


if __name__ == "__main__":
    main()
