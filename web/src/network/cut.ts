import type { Shape } from "./protocol";

/** A mean change of this share of the range between two frames' thumbnails is a scene cut. */
const CUT = 0.14;

/** The longer side, at least, of a frame's thumbnail. */
const THUMBNAIL = 32;

/** Notices scene cuts, as the Segmenter in Python does. */
export class Cuts {
  private before: Uint8Array | null = null;

  /** Whether this frame, RGBA of the shape, belongs to another scene than the one before. */
  seen(rgba: Uint8Array, shape: Shape): boolean {
    const now = thumbnail(rgba, shape);
    const before = this.before;
    this.before = now;
    return before !== null && before.length === now.length && meanChange(before, now) > CUT * 255;
  }

  reset(): void {
    this.before = null;
  }
}

function meanChange(one: Uint8Array, other: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += Math.abs((one[at] as number) - (other[at] as number));
  return sum / one.length;
}

/** RGB, halved while the longer side stays at least THUMBNAIL. */
export function thumbnail(rgba: Uint8Array, [height, width]: Shape): Uint8Array {
  let picture = dropAlpha(rgba);
  let [high, wide] = [height, width];
  while (Math.max(high, wide) >= 2 * THUMBNAIL && Math.min(high, wide) > 1) {
    picture = halve(picture, high, wide);
    [high, wide] = [high >> 1, wide >> 1];
  }
  return picture;
}

function dropAlpha(rgba: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from] as number;
    rgb[to + 1] = rgba[from + 1] as number;
    rgb[to + 2] = rgba[from + 2] as number;
  }
  return rgb;
}

function halve(rgb: Uint8Array, height: number, width: number): Uint8Array {
  const [high, wide] = [height >> 1, width >> 1];
  const half = new Uint8Array(high * wide * 3);
  for (let y = 0, to = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const above = (2 * y * width + 2 * x) * 3;
      const below = above + width * 3;
      for (let c = 0; c < 3; c++, to++) {
        const sum =
          (rgb[above + c] as number) +
          (rgb[above + 3 + c] as number) +
          (rgb[below + c] as number) +
          (rgb[below + 3 + c] as number);
        half[to] = (sum + 2) >> 2;
      }
    }
  }
  return half;
}
