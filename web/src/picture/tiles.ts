import type { Shape } from "../network/protocol";

/** Parts of the frame, as the x and y of triangles' corners in 0..1, by what has to be drawn there. */
export interface Tiles {
  readonly person: Float32Array;
  readonly room: Float32Array;
  readonly edge: Float32Array;
}

/** The frame is looked at in a grid of this many squares each way. */
const GRID = 64;

/** How far from an uncertain pixel of the mask alpha may still change: the band of doubt of the colour line. */
const REACH = 7;

/** Levels of the mask up to which all is room, and from which all is person, after the shaders' contrast. */
const ROOM = 38;
const PERSON = 217;

type Kind = keyof Tiles;

/** Most of a frame is all person or all room, which is cheap to draw: neighbours in a row become one tile. */
export function tilesOf(mask: Uint8Array, [height, width]: Shape): Tiles {
  const found: Record<Kind, number[]> = { person: [], room: [], edge: [] };
  const columns = extremes(mask, height, width);
  for (let row = 0; row < GRID; row++) {
    let begun = 0;
    let kind = kindOf(columns, row, 0);
    for (let column = 1; column <= GRID; column++) {
      const next = column < GRID ? kindOf(columns, row, column) : null;
      if (next === kind) continue;
      found[kind].push(...rectangle(begun / GRID, row / GRID, column / GRID, (row + 1) / GRID));
      begun = column;
      if (next) kind = next;
    }
  }
  return {
    person: new Float32Array(found.person),
    room: new Float32Array(found.room),
    edge: new Float32Array(found.edge),
  };
}

function rectangle(x0: number, y0: number, x1: number, y1: number): number[] {
  return [x0, y0, x1, y0, x0, y1, x1, y0, x0, y1, x1, y1];
}

/** The least and greatest level in and around each square. */
interface Extremes {
  readonly least: Uint8Array;
  readonly most: Uint8Array;
}

function kindOf({ least, most }: Extremes, row: number, column: number): Kind {
  const at = row * GRID + column;
  if ((most[at] as number) <= ROOM) return "room";
  return (least[at] as number) >= PERSON ? "person" : "edge";
}

function extremes(mask: Uint8Array, height: number, width: number): Extremes {
  // along the rows first, then down the columns of what that gave
  const rows = { least: new Uint8Array(height * GRID), most: new Uint8Array(height * GRID) };
  for (let y = 0; y < height; y++)
    for (let column = 0; column < GRID; column++) {
      const [from, to] = span(column, width);
      let [least, most] = [255, 0];
      for (let x = from; x < to; x++) {
        const level = mask[y * width + x] as number;
        if (level < least) least = level;
        if (level > most) most = level;
      }
      rows.least[y * GRID + column] = least;
      rows.most[y * GRID + column] = most;
    }
  const squares = { least: new Uint8Array(GRID * GRID).fill(255), most: new Uint8Array(GRID * GRID) };
  for (let row = 0; row < GRID; row++) {
    const [from, to] = span(row, height);
    for (let y = from; y < to; y++)
      for (let column = 0; column < GRID; column++) {
        const at = row * GRID + column;
        squares.least[at] = Math.min(squares.least[at] as number, rows.least[y * GRID + column] as number);
        squares.most[at] = Math.max(squares.most[at] as number, rows.most[y * GRID + column] as number);
      }
  }
  return squares;
}

function span(index: number, pixels: number): [from: number, to: number] {
  const from = Math.floor((index * pixels) / GRID) - REACH;
  const to = Math.ceil(((index + 1) * pixels) / GRID) + REACH;
  return [Math.max(0, from), Math.min(pixels, to)];
}
