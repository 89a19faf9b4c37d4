import { expect, test } from "vitest";
import { Changes, CUT, thumbnail } from "../src/network/cut";

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

test("only a large change from the frame before is a cut; before the first there is none", () => {
  const changes = new Changes();
  expect(changes.of(plain(100), SHAPE)).toBe(0);
  expect(changes.of(plain(130), SHAPE)).toBeCloseTo(30 / 255);
  expect(30 / 255).toBeLessThan(CUT);
  expect(changes.of(plain(170), SHAPE)).toBeGreaterThan(CUT);
  expect(changes.of(plain(170), SHAPE)).toBe(0);
  changes.reset();
  expect(changes.of(plain(0), SHAPE)).toBe(0);
});
