import { expect, test } from "vitest";
import { tilesOf } from "../src/picture/tiles";

const SHAPE = [256, 256] as const;

/** Each is two triangles: the first corner is its least, the last its greatest. */
function rectangles(corners: Float32Array): [number, number, number, number][] {
  return Array.from({ length: corners.length / 12 }, (_, index) => {
    const [x0, y0] = corners.slice(12 * index);
    const [x1, y1] = corners.slice(12 * index + 10);
    return [x0, y0, x1, y1] as [number, number, number, number];
  });
}

function area(tiles: Float32Array): number {
  let sum = 0;
  for (const [x0, y0, x1, y1] of rectangles(tiles)) {
    sum += (x1 - x0) * (y1 - y0);
  }
  return sum;
}

test("an empty frame is all room, a full one all person", () => {
  const empty = tilesOf(new Uint8Array(256 * 256), SHAPE);
  expect([area(empty.room), area(empty.person), area(empty.edge)]).toEqual([1, 0, 0]);
  const full = tilesOf(new Uint8Array(256 * 256).fill(255), SHAPE);
  expect([area(full.room), area(full.person), area(full.edge)]).toEqual([0, 1, 0]);
});

test("tiles cover the frame once, and whatever is half is edge", () => {
  const mask = new Uint8Array(256 * 256);
  for (let y = 0; y < 256; y++) mask.fill(255, y * 256 + 100, y * 256 + 180);
  mask[20 * 256 + 20] = 128;
  const { person, room, edge } = tilesOf(mask, SHAPE);
  expect(area(person) + area(room) + area(edge)).toBeCloseTo(1, 5);
  const within = (tiles: Float32Array, x: number, y: number) => {
    for (const [x0, y0, x1, y1] of rectangles(tiles)) {
      if (x >= x0 && x < x1 && y >= y0 && y < y1) return true;
    }
    return false;
  };
  for (const [x, y] of [
    [20, 20],
    [100, 128],
    [98, 5],
    [181, 250],
  ] as const)
    expect(within(edge, x / 256, y / 256)).toBe(true);
  expect(within(person, 140 / 256, 0.5)).toBe(true);
  expect(within(room, 230 / 256, 0.5)).toBe(true);
  // equal ones below each other are one
  expect(rectangles(person)).toHaveLength(1);
});
