/** A colour, each part in 0..1. */
export type Colour = readonly [red: number, green: number, blue: number];

/** What stands behind people. strength: of the blur, 0..1. */
export type Backdrop =
  | { readonly kind: "colour"; readonly top: Colour; readonly bottom: Colour }
  | { readonly kind: "picture"; readonly picture: HTMLVideoElement | ImageBitmap }
  | { readonly kind: "blur"; readonly strength: number }
  | { readonly kind: "grey" };

/** What is seen where there is no room to blur: before the first mask, and when something is wrong. */
export const NEUTRAL: readonly [Colour, Colour] = [
  [0.16, 0.18, 0.23],
  [0.09, 0.1, 0.13],
];

/** The colour that `#rrggbb` means. */
export function colourOf(text: string): Colour {
  const value = Number.parseInt(text.slice(1), 16);
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}

/** Scale and offset with which a picture fills a frame and is cut off, its middle kept. */
export function cover(
  picture: { width: number; height: number },
  frame: { width: number; height: number },
): [number, number, number, number] {
  const ratio = picture.width / picture.height / (frame.width / frame.height);
  const [x, y] = ratio > 1 ? [1 / ratio, 1] : [1, ratio];
  return [x, y, (1 - x) / 2, (1 - y) / 2];
}
