/** The network's worker: frames in, masks out, and the mask of the frame before remembered. */

import { Changes, CUT, MOVED } from "./cut";
import { meanWithMirrored } from "./mirror";
import { PartsReader } from "./parts";
import type { Answer, Ask, Parts, Shape } from "./protocol";
import { Missing, Runtime } from "./runtime";

/** How long after the start, in ms, other files than those in use are fetched. */
const CALM = 4000;

/** A frame that moved is looked at twice where the last one took less than this, in ms: a slow device stays fluent. */
const QUICK = 12;

const changes = new Changes();
const reader = new PartsReader();
let runtime: Runtime | null = null;
let previous: Float32Array | null = null;
let previousShape: Shape | null = null;
let lastLook = Infinity;
let input = new Float32Array();
let chain = Promise.resolve();

/** The network gave something that is not a number. */
class NotNumbers extends Error {}

self.onmessage = ({ data }: MessageEvent<Ask>) => {
  chain = chain.then(() => answer(data)).catch(fail);
};

async function answer(ask: Ask): Promise<void> {
  if (ask.type === "reset") {
    forget();
  } else if (ask.type === "open") {
    runtime = await Runtime.open(ask.files, ask.wish, ask.width, ask.height);
    const { network, shapes, place, build, threads, offersParts } = runtime;
    say({ type: "opened", network, shapes, place, build, threads, offersParts });
    // without a connection or room the page still works now
    setTimeout(() => runtime?.keep(ask.files).catch(() => {}), CALM);
  } else {
    const { mask, parts, ms } = await segment(ask.rgba, ask.shape, ask.type === "run");
    if (ask.type === "exact") {
      say({ type: "exact", id: ask.id, mask, ms });
    } else {
      const levels = toLevels(mask);
      const { id, shape, rgba } = ask;
      const buffers = [levels, rgba, ...(parts?.levels ?? [])].map((one) => one.buffer as ArrayBuffer);
      say({ type: "mask", id, shape, mask: levels, parts, rgba, ms }, buffers);
    }
  }
}

/** mayTwice: whether frames without a mask before, and those that moved, are looked at a second time. */
async function segment(
  rgba: Uint8Array,
  shape: Shape,
  mayTwice: boolean,
): Promise<{ mask: Float32Array; parts: Parts | null; ms: number }> {
  if (previousShape?.[0] !== shape[0] || previousShape[1] !== shape[1]) forget();
  const change = changes.of(rgba, shape);
  if (change > CUT) {
    previous = null;
    reader.reset();
  }
  const twice = mayTwice && (previous === null || (change > MOVED && lastLook < QUICK));
  let { mask: raw, ms } = await look(rgba, shape, previous, false);
  lastLook = ms;
  if (twice) {
    const second = await look(rgba, shape, null, true);
    raw = meanWithMirrored(raw, second.mask, shape);
    ms += second.ms;
  }
  const { mask, parts } = reader.read(raw, rgba);
  let sum = 0;
  for (const value of mask) sum += value;
  if (!Number.isFinite(sum)) throw new NotNumbers("the network's mask has values that are no numbers");
  [previous, previousShape] = [mask, shape];
  return { mask, parts, ms };
}

/** The network's answer to the frame, or to its mirror image, and the mask before it. */
async function look(
  rgba: Uint8Array,
  [height, width]: Shape,
  before: Float32Array | null,
  mirrored: boolean,
): Promise<{ mask: Float32Array; ms: number }> {
  if (!runtime) throw new Error("a frame came before the network was open");
  if (input.length !== rgba.length) input = new Float32Array(rgba.length);
  const share = 1 / 255;
  for (let at = 0, pixel = 0; at < rgba.length; at += 4, pixel++) {
    const from = mirrored ? 4 * (pixel - 2 * (pixel % width) + width - 1) : at;
    input[at] = (rgba[from] as number) * share;
    input[at + 1] = (rgba[from + 1] as number) * share;
    input[at + 2] = (rgba[from + 2] as number) * share;
    input[at + 3] = before ? (before[pixel] as number) : 0;
  }
  return runtime.run(input, [height, width]);
}

function toLevels(mask: Float32Array): Uint8Array {
  const levels = new Uint8Array(mask.length);
  for (let at = 0; at < mask.length; at++) levels[at] = (mask[at] as number) * 255 + 0.5;
  return levels;
}

function forget(): void {
  previous = previousShape = null;
  changes.reset();
  reader.reset();
}

function fail(error: unknown): void {
  const what = error instanceof Missing ? "network" : error instanceof NotNumbers ? "numbers" : "runtime";
  say({ type: "failed", what, message: error instanceof Error ? error.message : String(error) });
}

function say(answer: Answer, transfer: Transferable[] = []): void {
  self.postMessage(answer, { transfer });
}
