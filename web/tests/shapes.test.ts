import { expect, test } from "vitest";
import type { Shape } from "../src/network/protocol";
import { closestShape, lighterShape } from "../src/network/shapes";

const SMALL: readonly Shape[] = [
  [256, 256],
  [224, 288],
  [288, 224],
  [144, 256],
  [256, 144],
];
const LARGE: readonly Shape[] = [...SMALL.slice(0, 3), [192, 320], [320, 192]];

test.each([
  [640, 480, [224, 288]],
  [480, 640, [288, 224]],
  [1280, 720, [144, 256]],
  [720, 1280, [256, 144]],
  [1000, 1000, [256, 256]],
  [4000, 300, [144, 256]],
])("%i×%i is squeezed least into %j", (width, height, shape) => {
  expect(closestShape(width, height, SMALL)).toEqual(shape);
});

test.each([
  [640, 480, [144, 256]],
  [480, 640, [256, 144]],
  [1280, 720, [144, 256]],
])("on a slow device %i×%i is squeezed into %j", (width, height, shape) => {
  expect(lighterShape(width, height, SMALL)).toEqual(shape);
});

test("where no shape is much lighter the closest one stays", () => {
  expect(lighterShape(640, 480, LARGE)).toEqual([224, 288]);
});
