import { expect, test } from "vitest";
import { tableOf } from "../src/picture/dye";

const lumaAt = (table: Uint8Array, level: number) => {
  const [red, green, blue] = table.subarray(level * 4) as unknown as [number, number, number];
  return 0.299 * red + 0.587 * green + 0.114 * blue;
};

test("dyed intensities stay in order, and are Python's at black, the mean and white", () => {
  for (const [mean, ...expected] of [
    [0.05, 0.047, 0.173, 1],
    [0.3, 0, 0.32, 1],
    [0.8, 0, 0.453, 0.653],
  ] as const) {
    const table = tableOf("hair", [0.2, 0.35, 0.6], mean);
    for (let level = 1; level < 256; level++)
      expect(lumaAt(table, level)).toBeGreaterThanOrEqual(lumaAt(table, level - 1) - 1);
    const found = [0, Math.round(mean * 255), 255].map((level) => lumaAt(table, level) / 255);
    found.forEach((intensity, at) => {
      expect(intensity).toBeCloseTo(expected[at] as number, 1.7);
    });
  }
});

test("what has the part's mean intensity gets the colour, lit partly as the part is", () => {
  const table = tableOf("lips", [0.7, 0.125, 0.25], 0.4);
  const middle = 0.299 * 0.7 + 0.587 * 0.125 + 0.114 * 0.25;
  expect(lumaAt(table, 102) / 255).toBeCloseTo(0.4 ** 0.65 * middle ** 0.35, 1);
  const [red, green, blue] = table.subarray(102 * 4) as unknown as [number, number, number];
  expect(red).toBeGreaterThan(blue);
  expect(blue).toBeGreaterThan(green);
});
