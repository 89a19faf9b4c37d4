import { expect, test } from "vitest";
import { colourOf, cover } from "../src/picture/backdrop";

test("a colour is read", () => {
  expect(colourOf("#ff0080")).toEqual([1, 0, 128 / 255]);
});

test("a picture fills the frame, its middle is kept and its shape too", () => {
  const [scaleX, scaleY, x, y] = cover({ width: 2000, height: 1000 }, { width: 500, height: 500 });
  expect([scaleX, scaleY, x, y]).toEqual([0.5, 1, 0.25, 0]);
  expect((2000 * scaleX) / (1000 * scaleY)).toBe(1);
  expect(cover({ width: 300, height: 1200 }, { width: 300, height: 300 })).toEqual([1, 0.25, 0, 0.375]);
});
