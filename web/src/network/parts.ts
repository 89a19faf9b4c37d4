import type { Parts } from "./protocol";

/** What a network that tells parts gives for a pixel: the person, then the shares of the eight classes. */
const CHANNELS = 9;

/** Where hair and lips stand in it. */
const DYED = [3, 4] as const;

/** How much of the mean intensity stays from frame to frame, so that a dye does not flicker. */
const STEADY = 0.9;

/** Splits the answers of a network that tells parts of people apart; others it leaves as they are. */
export class PartsReader {
  private lights: (number | null)[] = [null, null];

  /** The mask, and how far each pixel is hair and lips. raw: H×W or H×W×9 in 0..1; rgba: the frame, H×W×4. */
  read(raw: Float32Array, rgba: Uint8Array): { mask: Float32Array; parts: Parts | null } {
    const pixels = rgba.length / 4;
    if (raw.length !== pixels * CHANNELS) return { mask: raw, parts: null };
    const mask = new Float32Array(pixels);
    for (let pixel = 0; pixel < pixels; pixel++) mask[pixel] = raw[pixel * CHANNELS] as number;
    const levels = DYED.map((channel) => {
      const of = new Uint8Array(pixels);
      for (let pixel = 0; pixel < pixels; pixel++)
        of[pixel] = (raw[pixel * CHANNELS + channel] as number) * 255 + 0.5;
      return of;
    });
    this.lights = levels.map((of, number) => steadied(this.lights[number] ?? null, meanLight(of, rgba)));
    return { mask, parts: { levels, lights: this.lights } };
  }

  reset(): void {
    this.lights = [null, null];
  }
}

function steadied(before: number | null, now: number | null): number | null {
  return before === null || now === null ? now : STEADY * before + (1 - STEADY) * now;
}

/** The mean luma, 0..1, where something more than half is of the part; null where nothing is. */
function meanLight(levels: Uint8Array, rgba: Uint8Array): number | null {
  let [sum, count] = [0, 0];
  for (let pixel = 0; pixel < levels.length; pixel++) {
    if ((levels[pixel] as number) <= 127) continue;
    const [red, green, blue] = rgba.subarray(pixel * 4, pixel * 4 + 3) as unknown as [number, number, number];
    sum += 0.299 * red + 0.587 * green + 0.114 * blue;
    count++;
  }
  return count ? sum / count / 255 : null;
}
