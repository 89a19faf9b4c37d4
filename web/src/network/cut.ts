import type { Shape } from "./protocol";

/** A mean change of this share of the range between two frames' thumbnails is a scene cut. */
export const CUT = 0.14;

/** From such a change on the mask before misleads about as often as it helps. */
export const MOVED = 0.02;

/** The longer side, at least, of a frame's thumbnail. */
const THUMBNAIL = 32;

/** Measures how much frames differ from those before, as the Segmenter in Python does. */
export class Changes {
  private before: Uint8Array | null = null;

  /** How much this frame, RGBA of the shape, differs from the one before, as a share of the range; 0 for the first. */
  of(rgba: Uint8Array, shape: Shape): number {
    const now = thumbnail(rgba, shape);
    const before = this.before;
    this.before = now;
    return before?.length === now.length ? meanChange(before, now) / 255 : 0;
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
  let [picture, channels, high, wide] = [rgba, 4, height, width];
  while (Math.max(high, wide) >= 2 * THUMBNAIL && Math.min(high, wide) > 1) {
    picture = halve(picture, high, wide, channels);
    [channels, high, wide] = [3, high >> 1, wide >> 1];
  }
  return picture;
}

/** RGB of half the size, of a picture of at least that many channels. */
function halve(picture: Uint8Array, height: number, width: number, channels: number): Uint8Array {
  const [high, wide] = [height >> 1, width >> 1];
  const half = new Uint8Array(high * wide * 3);
  for (let y = 0, to = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const above = (2 * y * width + 2 * x) * channels;
      const below = above + width * channels;
      for (let c = 0; c < 3; c++, to++) {
        const sum =
          (picture[above + c] as number) +
          (picture[above + channels + c] as number) +
          (picture[below + c] as number) +
          (picture[below + channels + c] as number);
        half[to] = (sum + 2) >> 2;
      }
    }
  }
  return half;
}
