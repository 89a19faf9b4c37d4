import type { Colour } from "./backdrop";

/**
 * Hair and lips in another colour, as Python's scene/dye.py after "Real-time Hair Segmentation and Recoloring on
 * Mobile GPUs" (Tkachenka et al. 2019): a table of colours by intensity, for the wanted colour and the part's own
 * mean intensity. Intensities stay in order, so that a strand stays lighter or darker than the next.
 */

/** The parts that can be dyed, in the order of the network's answers. */
export const PARTS = ["hair", "lips"] as const;

export type Part = (typeof PARTS)[number];

/** The colour that each part is to have, null for its own. */
export type Dyes = Readonly<Record<Part, Colour | null>>;

export const UNDYED: Dyes = { hair: null, lips: null };

/** How much of a part's own mean intensity stays: it tells how much light there is, the colour does not. */
const OWN_LIGHT = { hair: 0.35, lips: 0.65 } as const;

/** How far contrast below the mean may be stretched: beyond it dark hair shows noise. */
const STEEPEST = 2.5;

/** How many times as bright as its own a colour may get before it turns to the white of what shines. */
const LIT = 1.2;

const bounded = (intensity: number) => Math.min(Math.max(intensity, 0.03), 0.95);
const luma = ([red, green, blue]: Colour) => 0.299 * red + 0.587 * green + 0.114 * blue;

/** The new colour for each of 256 intensities, RGBA, where the part's mean intensity, 0..1, is this. */
export function tableOf(part: Part, colour: Colour, mean: number): Uint8Array {
  const own = OWN_LIGHT[part];
  const [light, middle] = [bounded(mean), bounded(luma(colour))];
  // lit better, a dyed strand first shows more of its colour, then more and more of the light's
  const more = Math.min(LIT, 1 / Math.max(...colour, 1 / 255));
  const lit = colour.map((channel) => channel * more) as unknown as Colour;
  const knee = bounded(luma(lit));
  const wanted = light ** own * middle ** (1 - own);
  const table = new Uint8Array(256 * 4);
  for (let level = 0; level < 256; level++) {
    const at = moved(level / 255, light, wanted);
    lit.forEach((channel, number) => {
      const value = at < knee ? (channel * at) / knee : channel + ((1 - channel) * (at - knee)) / (1 - knee);
      table[level * 4 + number] = Math.round(255 * value);
    });
    table[level * 4 + 3] = 255;
  }
  return table;
}

/** An intensity on a rising curve that takes `mean` to `wanted`: two parabolas that meet there. */
function moved(intensity: number, mean: number, wanted: number): number {
  const below = Math.min(wanted / mean, STEEPEST);
  const above = Math.min((1 - wanted) / (1 - mean), 1);
  const slope = Math.min(Math.sqrt(wanted / mean), 1, 2 * below, 2 * above);
  const far = intensity - mean;
  const bend = far < 0 ? (slope - below) / mean : (above - slope) / (1 - mean);
  return Math.min(Math.max(wanted + slope * far + bend * far * far, 0), 1);
}
