import { expect, test } from "vitest";
import { closestShape, lighterShape, SHAPES } from "../src/network/shapes";

test.each([
  [640, 480, [256, 256]],
  [480, 640, [256, 256]],
  [1280, 720, [144, 256]],
  [720, 1280, [256, 144]],
  [1000, 1000, [256, 256]],
  [4000, 300, [144, 256]],
])("%i×%i is squeezed least into %j", (width, height, shape) => {
  expect(closestShape(width, height)).toEqual(shape);
});

test("the lighter shape is one of the network's and has fewer pixels than the square", () => {
  for (const [width, height] of [
    [640, 480],
    [480, 640],
  ] as const) {
    const shape = lighterShape(width, height);
    expect(SHAPES).toContainEqual(shape);
    expect(shape[0] * shape[1]).toBeLessThan(256 * 256);
    expect(shape[0] > shape[1]).toBe(height > width);
  }
});
