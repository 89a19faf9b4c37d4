/** The network's worker: frames in, masks out, and the mask of the frame before remembered. */

import { Cuts } from "./cut";
import { PartsReader } from "./parts";
import type { Answer, Ask, Parts, Shape } from "./protocol";
import { Missing, Runtime } from "./runtime";

/** How long after the start, in ms, other files than those in use are fetched. */
const CALM = 4000;

const cuts = new Cuts();
const reader = new PartsReader();
let runtime: Runtime | null = null;
let previous: Float32Array | null = null;
let previousShape: Shape | null = null;
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
    runtime = await Runtime.open(ask.files, ask.wish, ask.shape);
    // the first run prepares the weights: not the viewer's first frame
    await runtime.run(new Float32Array(ask.shape[0] * ask.shape[1] * 4), ask.shape);
    const { network, place, build, threads, offersParts } = runtime;
    say({ type: "opened", network, place, build, threads, offersParts });
    // without a connection or room the page still works now
    setTimeout(() => runtime?.keep(ask.files).catch(() => {}), CALM);
  } else {
    const { mask, parts, ms } = await segment(ask.rgba, ask.shape);
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

async function segment(
  rgba: Uint8Array,
  shape: Shape,
): Promise<{ mask: Float32Array; parts: Parts | null; ms: number }> {
  if (!runtime) throw new Error("a frame came before the network was open");
  if (previousShape?.[0] !== shape[0] || previousShape[1] !== shape[1]) forget();
  if (cuts.seen(rgba, shape)) {
    previous = null;
    reader.reset();
  }
  fill(rgba);
  const { mask: raw, ms } = await runtime.run(input, shape);
  const { mask, parts } = reader.read(raw, rgba);
  let sum = 0;
  for (const value of mask) sum += value;
  if (!Number.isFinite(sum)) throw new NotNumbers("the network's mask has values that are no numbers");
  [previous, previousShape] = [mask, shape];
  return { mask, parts, ms };
}

function fill(rgba: Uint8Array): void {
  if (input.length !== rgba.length) input = new Float32Array(rgba.length);
  const before = previous ?? new Float32Array(rgba.length / 4);
  const share = 1 / 255;
  for (let at = 0, pixel = 0; at < rgba.length; at += 4, pixel++) {
    input[at] = (rgba[at] as number) * share;
    input[at + 1] = (rgba[at + 1] as number) * share;
    input[at + 2] = (rgba[at + 2] as number) * share;
    input[at + 3] = before[pixel] as number;
  }
}

function toLevels(mask: Float32Array): Uint8Array {
  const levels = new Uint8Array(mask.length);
  for (let at = 0; at < mask.length; at++) levels[at] = (mask[at] as number) * 255 + 0.5;
  return levels;
}

function forget(): void {
  previous = previousShape = null;
  cuts.reset();
  reader.reset();
}

function fail(error: unknown): void {
  const what = error instanceof Missing ? "network" : error instanceof NotNumbers ? "numbers" : "runtime";
  say({ type: "failed", what, message: error instanceof Error ? error.message : String(error) });
}

function say(answer: Answer, transfer: Transferable[] = []): void {
  self.postMessage(answer, { transfer });
}
