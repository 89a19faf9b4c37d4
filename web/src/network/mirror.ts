import type { Shape } from "./protocol";

/** Pixel by pixel the mean of a first answer and of one to the mirror image; both H×W or H×W×channels. */
export function meanWithMirrored(
  first: Float32Array,
  mirrored: Float32Array,
  [height, width]: Shape,
): Float32Array {
  const channels = first.length / (height * width);
  const mean = new Float32Array(first.length);
  for (let at = 0, pixel = 0; at < first.length; pixel++) {
    let opposite = (pixel - 2 * (pixel % width) + width - 1) * channels;
    for (let c = 0; c < channels; c++, at++, opposite++)
      mean[at] = ((first[at] as number) + (mirrored[opposite] as number)) / 2;
  }
  return mean;
}
