import { expect, test } from "vitest";
import { meanWithMirrored } from "../src/network/mirror";

test("each pixel meets the one opposite in its row", () => {
  const first = Float32Array.of(0, 0.2, 0.4, 0.6, 0.8, 1);
  const mirrored = Float32Array.of(1, 0, 0, 0, 0, 0.5);
  const mean = [0, 0.1, 0.7, 0.55, 0.4, 0.5];
  meanWithMirrored(first, mirrored, [2, 3]).forEach((value, at) => {
    expect(value).toBeCloseTo(mean[at] as number);
  });
});

test("the channels of a pixel stay in order", () => {
  const first = Float32Array.of(0, 1, 0.5, 0.25);
  const mirrored = Float32Array.of(0.5, 0.25, 0, 1);
  expect([...meanWithMirrored(first, mirrored, [1, 2])]).toEqual([...first]);
});
