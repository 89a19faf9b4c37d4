import { NetworkClient } from "../network/client";
import type { Shape, Wish } from "../network/protocol";
import type { Page } from "./page";

/** What tests and measurements reach as `window.livematte`. It leads nowhere that the page itself does not. */
export interface Hooks {
  /**
   * The masks of frames in order, the mask before fed back, by a worker of its own.
   *
   * frames: each H×W×3 bytes of RGB in base64. Gives for each H×W float32 in 0..1, little-endian, in base64,
   * and the network's time in ms.
   */
  segment(shape: Shape, frames: string[]): Promise<{ masks: string[]; ms: number[] }>;
  /** What the page shows, how fast, and what runs. */
  state(): { state: string; trouble: string | null; speed: object; opened: object | null };
  /** What each stage of a frame costs, in ms, each of `turns` times. Stops the picture meanwhile. */
  stages(turns: number): Promise<Record<string, number[]>>;
  /** The frame that is shown as the network saw it, RGBA, and the masks of it and of the frame before. */
  last(): { shape: Shape; rgba: string; mask: string; before: string | null } | null;
}

declare global {
  interface Window {
    livematte: Hooks;
  }
}

export function expose(page: Page, wish: Wish): void {
  const { stage } = page;
  window.livematte = {
    async segment(shape, frames) {
      const network = new NetworkClient(wish);
      const [height, width] = shape;
      try {
        await network.open(width, height);
        const masks: string[] = [];
        const times: number[] = [];
        for (const frame of frames) {
          const { mask, ms } = await network.exact(withAlpha(bytesOf(frame)), shape);
          masks.push(textOf(new Uint8Array(mask.buffer, mask.byteOffset, mask.byteLength)));
          times.push(ms);
        }
        return { masks, ms: times };
      } finally {
        network.close();
      }
    },
    state: () => ({
      state: stage.state,
      trouble: stage.trouble,
      speed: stage.speed,
      opened: stage.opened,
    }),
    stages: (turns) => stage.measureStages(turns),
    last() {
      if (!stage.last) return null;
      const { shot, mask, before } = stage.last;
      return {
        shape: shot.shape,
        rgba: textOf(shot.rgba),
        mask: textOf(mask.mask),
        before: before && textOf(before.mask),
      };
    },
  };
}

function withAlpha(rgb: Uint8Array): Uint8Array {
  const rgba = new Uint8Array((rgb.length / 3) * 4);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4)
    rgba.set(rgb.subarray(from, from + 3), to);
  return rgba;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
