import type { Shape } from "./protocol";

/** A shape with at most this share of the largest one's pixels is a lighter one. */
const LIGHT = 0.75;

/** Of a network's shapes the one that a picture is squeezed least to fit, as in Python's `closest_shape`. */
export function closestShape(width: number, height: number, shapes: readonly Shape[]): Shape {
  const aspect = Math.log(width / height);
  const off = (shape: Shape) => Math.abs(Math.log(shape[1] / shape[0]) - aspect);
  return shapes.reduce((best, shape) => (off(shape) < off(best) ? shape : best));
}

/** The closest of the lighter ones, for a device that is slower than its camera; where there is none, of all. */
export function lighterShape(width: number, height: number, shapes: readonly Shape[]): Shape {
  const most = Math.max(...shapes.map(pixels));
  const light = shapes.filter((shape) => pixels(shape) <= LIGHT * most);
  return closestShape(width, height, light.length > 0 ? light : shapes);
}

function pixels([height, width]: Shape): number {
  return height * width;
}
