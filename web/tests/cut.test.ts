import { expect, test } from "vitest";
import { Cuts, thumbnail } from "../src/network/cut";

const SHAPE = [144, 256] as const;

function plain(level: number): Uint8Array {
  return new Uint8Array(144 * 256 * 4).fill(level);
}

test("a thumbnail is 32 wide and holds the means of 8×8 pixels", () => {
  const frame = plain(0);
  for (let y = 0; y < 8; y++) for (let x = 0; x < 8; x++) frame[(y * 256 + x) * 4] = 200;
  const small = thumbnail(frame, SHAPE);
  expect(small.length).toBe(32 * 18 * 3);
  expect([...small.slice(0, 6)]).toEqual([200, 0, 0, 0, 0, 0]);
});

test("only a large change from the frame before is a cut", () => {
  const cuts = new Cuts();
  expect(cuts.seen(plain(100), SHAPE)).toBe(false);
  expect(cuts.seen(plain(130), SHAPE)).toBe(false);
  expect(cuts.seen(plain(170), SHAPE)).toBe(true);
  expect(cuts.seen(plain(170), SHAPE)).toBe(false);
  cuts.reset();
  expect(cuts.seen(plain(0), SHAPE)).toBe(false);
});
