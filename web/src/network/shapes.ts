import type { Shape } from "./protocol";

/** The network's inputs: square, landscape, portrait. One file each. */
export const SHAPES: readonly Shape[] = [
  [256, 256],
  [144, 256],
  [256, 144],
];

/**
 * The shape that a picture is squeezed least to fit, as in Python's `closest_shape`.
 *
 * 4:3 lies between two of them: rounding makes that a tie, which the first, larger one wins.
 */
export function closestShape(width: number, height: number): Shape {
  const aspect = Math.log(width / height);
  const off = (shape: Shape) => Math.round(Math.abs(Math.log(shape[1] / shape[0]) - aspect) * 1e6);
  return SHAPES.reduce((best, shape) => (off(shape) < off(best) ? shape : best));
}

/** The closest shape with few pixels, for a device that is slower than its camera. */
export function lighterShape(width: number, height: number): Shape {
  return width < height ? [256, 144] : [144, 256];
}
