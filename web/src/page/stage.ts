import { NetworkClient, NetworkFailure } from "../network/client";
import { type Mask, type Opened, PARTS_NETWORK, type Shape, type Wish } from "../network/protocol";
import { closestShape, lighterShape } from "../network/shapes";
import type { Backdrop } from "../picture/backdrop";
import { Compositor, type Picture, type Shot, sizeOf } from "../picture/compositor";
import { type Dyes, UNDYED } from "../picture/dye";

/**
 * What is on the canvas: nothing was chosen yet; the background alone until a mask comes; people before it;
 * the background alone because something is wrong.
 */
export type State = "idle" | "waiting" | "live" | "failed";

/** What went wrong. */
export type Trouble = NetworkFailure["what"] | "graphics" | "source";

export interface Speed {
  /** Composed frames in the last second. */
  readonly fps: number;
  /** From a frame's arrival to its composition, and of that the network, in ms. */
  readonly ms: number;
  readonly network: number;
}

/** How long the canvas may show people without a new mask, in ms. */
const STALE = 1500;

/** A network that takes longer than this, in ms, for so many frames on end gives way to the lighter shape. */
const SLOW = 45;
const SLOW_FRAMES = 30;

/** How many workers are tried before the viewer is told. */
const TRIES = 2;

/** Source → network → canvas. Fails closed: the room is drawn nowhere but behind a mask of its own frame. */
export class Stage {
  state: State = "idle";
  trouble: Trouble | null = null;
  speed: Speed = { fps: 0, ms: 0, network: 0 };
  opened: Opened | null = null;
  /** What the network saw last, what it answered then, and on the frame before. */
  last: { shot: Shot; mask: Mask; before: Mask | null } | null = null;
  onchange: () => void = () => {};

  private compositor: Compositor | null = null;
  private network: NetworkClient | null = null;
  private opening: Promise<Opened> | null = null;
  private source: Picture | null = null;
  private backdropNow: Backdrop;
  private mirrorNow = true;
  private dyesNow: Dyes = UNDYED;
  private heldNow = false;
  private next: { shot: Shot; arrived: number } | null = null;
  private taking = false;
  /** The frame that is at the network. */
  private running: Shot | null = null;
  private light = false;
  private slow = 0;
  private spare: Uint8Array | null = null;
  /** Whatever was begun in an earlier epoch is thrown away. */
  private epoch = 0;
  private failures = 0;
  /** Counts the loops that follow a video's frames: only the last one goes on. */
  private followed = 0;
  private lastMask = 0;
  private shown: number[] = [];

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly wish: Wish,
    backdrop: Backdrop,
  ) {
    this.backdropNow = backdrop;
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.compositor = null;
      this.fail("graphics");
    });
    canvas.addEventListener("webglcontextrestored", () => this.retry());
    document.addEventListener("visibilitychange", () => this.rest());
    window.setInterval(() => this.watch(), 250);
  }

  /** Load the network before there is anything for it to do. */
  prepare(): void {
    // a failure shows when the first frame needs it
    this.ensureNetwork(4, 3).catch(() => {});
  }

  /** Show people from this source from now on; null for none. */
  play(source: Picture | null): void {
    this.source = source;
    this.failures = 0;
    this.restart(source ? "waiting" : "idle");
    if (!source) return;
    if (source instanceof HTMLVideoElement) this.follow(source);
    else void this.arrive();
  }

  /** The source has gone: the background alone, and a notice. */
  lose(): void {
    this.source = null;
    this.fail("source");
  }

  /** Begin again after a failure. */
  retry(): void {
    this.trouble = null;
    this.play(this.source);
  }

  set backdrop(backdrop: Backdrop) {
    this.backdropNow = backdrop;
    this.redraw();
    if (backdrop.kind === "picture" && backdrop.picture instanceof HTMLVideoElement)
      this.followBackground(backdrop, backdrop.picture);
  }

  get backdrop(): Backdrop {
    return this.backdropNow;
  }

  set mirror(mirror: boolean) {
    this.mirrorNow = mirror;
    this.redraw();
  }

  get mirror(): boolean {
    return this.mirrorNow;
  }

  /** What hair and lips look like; the first colour brings the network that tells them apart. */
  set dyes(dyes: Dyes) {
    const before = this.wishNow.network;
    this.dyesNow = dyes;
    if (this.wishNow.network === before) this.redraw();
    else this.change();
  }

  /** Another network from now on. */
  private change(): void {
    this.network?.close();
    this.network = null;
    if (!this.source || this.state === "failed") return;
    this.restart("waiting");
    void this.arrive();
  }

  /** What was asked for, or the network that dyes need. */
  private get wishNow(): Wish {
    const { hair, lips } = this.dyesNow;
    return hair || lips ? { ...this.wish, network: PARTS_NETWORK } : this.wish;
  }

  /** Keep the canvas's size, whatever the frames' is. */
  set held(held: boolean) {
    this.heldNow = held;
    if (this.compositor) this.compositor.held = held;
  }

  /** Draw what is shown once more, with what was chosen since. */
  redraw(): void {
    if (this.state === "live" && this.last) this.compose();
    else this.drawEmpty();
  }

  /** What each stage of a frame costs, in ms, each of `turns` times: the source's present frame again and again. */
  async measureStages(turns: number): Promise<Record<string, number[]>> {
    const { source, compositor, network } = this;
    if (!source || !compositor || !network) throw new Error("nothing is played");
    const shape = await this.shapeFor(...sizeOf(source));
    const laps: Record<string, number[]> = {};
    let before = 0;
    const note = (stage: string, ms: number) => {
      laps[stage] = [...(laps[stage] ?? []), ms];
    };
    const lap = (stage: string) => {
      note(stage, performance.now() - before);
      before = performance.now();
    };
    const frame = async () => {
      const shot = await compositor.take(source, shape, [], null);
      before = performance.now();
      const mask = await network.run(shot.rgba, shot.shape);
      if (compositor.onlap) {
        lap("network and messages");
        note("network", mask.ms);
      }
      before = performance.now();
      compositor.show({ ...shot, rgba: mask.rgba }, mask.mask, mask.parts, this.backdropNow);
    };
    this.source = null;
    // what is under way would count, too
    while (this.taking || this.running) await new Promise((go) => setTimeout(go, 5));
    try {
      for (let turn = 0; turn < turns; turn++) {
        compositor.onlap = lap;
        before = performance.now();
        await frame();
        // once more without waiting for each stage, only for the last
        compositor.onlap = null;
        const begun = performance.now();
        await frame();
        compositor.finish();
        note("whole", performance.now() - begun);
      }
    } finally {
      compositor.onlap = null;
      this.play(source);
    }
    return laps;
  }

  private restart(state: State): void {
    this.epoch++;
    this.next = null;
    this.last = null;
    this.network?.reset();
    this.shown = [];
    this.enter(state);
    this.drawEmpty();
  }

  private enter(state: State): void {
    this.state = state;
    if (state !== "failed") this.trouble = null;
    this.onchange();
  }

  private fail(trouble: Trouble): void {
    this.trouble = trouble;
    this.restart("failed");
  }

  private follow(video: HTMLVideoElement): void {
    const turn = ++this.followed;
    const again = () => {
      if (turn !== this.followed || video !== this.source) return;
      video.requestVideoFrameCallback(again);
      void this.arrive();
    };
    video.requestVideoFrameCallback(again);
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) void this.arrive();
  }

  /** Show a background's every frame also where no frame of people's comes. */
  private followBackground(backdrop: Backdrop, video: HTMLVideoElement): void {
    const again = () => {
      if (backdrop !== this.backdropNow) return;
      video.requestVideoFrameCallback(again);
      if (this.state !== "live" || !this.moving) this.redraw();
    };
    video.requestVideoFrameCallback(again);
  }

  private get moving(): boolean {
    return this.source instanceof HTMLVideoElement && !this.source.paused;
  }

  /** A frame of the source has arrived: take it, unless the one before is still being taken. */
  private async arrive(): Promise<void> {
    const { source, epoch } = this;
    if (!source || this.taking || this.state === "failed" || document.hidden) return;
    const [width, height] = sizeOf(source);
    if (width === 0) return;
    const compositor = this.ensureCompositor();
    if (!compositor) return;
    this.taking = true;
    const arrived = performance.now();
    try {
      const shape = await this.shapeFor(width, height);
      const kept = [this.last?.shot, this.running, this.next?.shot];
      const shot = await compositor.take(source, shape, kept, this.spare);
      this.spare = null;
      // a frame that waited for the network and was overtaken is dropped
      if (epoch === this.epoch) this.next = { shot, arrived };
    } catch (error) {
      if (epoch === this.epoch) {
        if (error instanceof NetworkFailure) this.broke(error);
        else this.fail("graphics");
      }
    } finally {
      this.taking = false;
    }
    // what was begun meanwhile has waited for this one
    if (epoch !== this.epoch) void this.arrive();
    else void this.segment();
  }

  private async shapeFor(width: number, height: number): Promise<Shape> {
    const shapes = await this.ensureNetwork(width, height);
    return this.light ? lighterShape(width, height, shapes) : closestShape(width, height, shapes);
  }

  /** Send the waiting frame to the network, and show it when its mask is there. */
  private async segment(): Promise<void> {
    const { network, next, epoch } = this;
    if (!network || !next || this.running) return;
    const { shot, arrived } = next;
    this.running = shot;
    this.next = null;
    try {
      const mask = await network.run(shot.rgba, shot.shape);
      this.running = null;
      // the next one goes first, so that the network does not wait for this one's composition
      void this.segment();
      if (epoch === this.epoch) this.present({ ...shot, rgba: mask.rgba }, mask, arrived);
    } catch (error) {
      this.running = null;
      // what was closed meanwhile, for another network, is no failure of the one that came after
      if (epoch === this.epoch) this.broke(error);
      else void this.segment();
    }
  }

  private present(shot: Shot, mask: Mask, arrived: number): void {
    const before = this.last;
    this.last = { shot, mask, before: before?.mask ?? null };
    this.failures = 0;
    this.lastMask = performance.now();
    if (!this.compose()) return;
    this.spare = before?.shot.rgba ?? null;
    this.measure(mask.ms, performance.now() - arrived);
    if (this.state !== "live") this.enter("live");
  }

  private compose(): boolean {
    if (!this.last || !this.compositor || this.compositor.lost) return false;
    const { shot, mask } = this.last;
    this.compositor.mirror = this.mirrorNow;
    this.compositor.dyes = this.dyesNow;
    this.compositor.show(shot, mask.mask, mask.parts, this.backdropNow);
    return true;
  }

  private measure(network: number, ms: number): void {
    const now = performance.now();
    this.shown = [...this.shown.filter((at) => at > now - 1000), now];
    const ease = (old: number, value: number) => (old ? old + (value - old) * 0.1 : value);
    this.speed = {
      fps: this.shown.length,
      ms: ease(this.speed.ms, ms),
      network: ease(this.speed.network, network),
    };
    if (network < SLOW) this.slow = 0;
    else if (++this.slow === SLOW_FRAMES) this.light = true;
  }

  /** What the network reads; where there is none it is loaded, for pictures of this size. */
  private async ensureNetwork(width: number, height: number): Promise<readonly Shape[]> {
    if (!this.network || !this.opening) {
      this.network = new NetworkClient(this.wishNow);
      this.opening = this.network.open(width, height).then((opened) => {
        this.opened = opened;
        return opened;
      });
    }
    return (await this.opening).shapes;
  }

  /** The network failed: a fresh worker, and after TRIES of them the viewer is told. */
  private broke(error: unknown): void {
    this.network?.close();
    this.network = null;
    this.failures++;
    const what = error instanceof NetworkFailure ? error.what : "runtime";
    // the lighter shape's file may be what is missing
    if (what === "network") this.light = false;
    if (this.failures >= TRIES || what === "network") {
      this.fail(what);
    } else {
      this.restart("waiting");
      void this.arrive();
    }
  }

  private ensureCompositor(): Compositor | null {
    if (this.compositor && !this.compositor.lost) return this.compositor;
    try {
      this.compositor = new Compositor(this.canvas);
      this.compositor.held = this.heldNow;
      this.drawEmpty();
      return this.compositor;
    } catch {
      this.compositor = null;
      this.fail("graphics");
      return null;
    }
  }

  private drawEmpty(): void {
    if (!this.compositor || this.compositor.lost) return;
    const [width, height] = this.source ? sizeOf(this.source) : [this.canvas.width, this.canvas.height];
    this.compositor.empty(this.backdropNow, width || this.canvas.width, height || this.canvas.height);
  }

  /** A hidden page computes nothing; a page shown again begins as with a first frame. */
  private rest(): void {
    if (!this.source || this.state === "failed") return;
    this.restart("waiting");
    if (!document.hidden) this.play(this.source);
  }

  /** People whose masks stopped coming do not stay on the canvas. */
  private watch(): void {
    const stale = performance.now() - this.lastMask > STALE;
    if (this.state === "live" && this.moving && stale) this.restart("waiting");
  }
}
