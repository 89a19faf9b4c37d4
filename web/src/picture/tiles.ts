import type { Shape } from "../network/protocol";

/** Parts of the frame, as the x and y of triangles' corners in 0..1, by what has to be drawn there. */
export interface Tiles {
  readonly person: Float32Array;
  readonly room: Float32Array;
  readonly edge: Float32Array;
}

/** The mask is looked at in squares of so many pixels each way, a power of two. */
const SHIFT = 2;
const SQUARE = 1 << SHIFT;

/**
 * How many squares from an uncertain pixel of the mask alpha may still change: the band of doubt of the colour line is
 * seven pixels wide.
 */
const REACH = 2;

/** Levels of the mask up to which all is room, and from which all is person, after the shaders' contrast. */
const ROOM = 38;
const PERSON = 217;

type Kind = keyof Tiles;

/** Squares of one kind side by side, from one column to another and one row to another. */
interface Block {
  readonly kind: Kind;
  readonly from: number;
  readonly to: number;
  readonly top: number;
  bottom: number;
}

/**
 * Most of a frame is all person or all room, which is cheap to draw. Neighbours in a row become one tile, and so do
 * equal ones below each other: every edge of a triangle costs.
 */
export function tilesOf(mask: Uint8Array, [height, width]: Shape): Tiles {
  const [rows, columns] = [Math.ceil(height / SQUARE), Math.ceil(width / SQUARE)];
  const kinds = kindsOf(mask, height, width, rows, columns);
  const blocks: Block[] = [];
  let above: Block[] = [];
  for (let row = 0; row < rows; row++) {
    above = runs(kinds, row, columns).map((run) => {
      const same = above.find((one) => one.kind === run.kind && one.from === run.from && one.to === run.to);
      if (!same) blocks.push(run);
      else same.bottom = run.bottom;
      return same ?? run;
    });
  }
  const of = (kind: Kind) =>
    new Float32Array(
      blocks.filter((one) => one.kind === kind).flatMap((one) => rectangle(one, height, width)),
    );
  return { person: of("person"), room: of("room"), edge: of("edge") };
}

/** The blocks of one row. */
function runs(kinds: readonly Kind[], row: number, columns: number): Block[] {
  const found: Block[] = [];
  let from = 0;
  for (let column = 1; column <= columns; column++) {
    const kind = kinds[row * columns + from] as Kind;
    if (column < columns && kinds[row * columns + column] === kind) continue;
    found.push({ kind, from, to: column, top: row, bottom: row + 1 });
    from = column;
  }
  return found;
}

function rectangle({ from, to, top, bottom }: Block, height: number, width: number): number[] {
  const [x0, x1] = [from, to].map((at) => Math.min(1, (at * SQUARE) / width)) as [number, number];
  const [y0, y1] = [top, bottom].map((at) => Math.min(1, (at * SQUARE) / height)) as [number, number];
  return [x0, y0, x1, y0, x0, y1, x1, y0, x0, y1, x1, y1];
}

/** What each square is: all room, all person, or neither, counting what is around it. */
function kindsOf(mask: Uint8Array, height: number, width: number, rows: number, columns: number): Kind[] {
  // a bit where a square is not all room, another where it is not all person
  const seen = new Uint8Array(rows * columns);
  for (let y = 0, at = 0; y < height; y++) {
    const row = (y >> SHIFT) * columns;
    for (let x = 0; x < width; x++, at++) {
      const level = mask[at] as number;
      const bits = level <= ROOM ? 2 : level >= PERSON ? 1 : 3;
      seen[row + (x >> SHIFT)] = (seen[row + (x >> SHIFT)] as number) | bits;
    }
  }
  spread(seen, rows, columns, columns, 1);
  spread(seen, columns, 1, rows, columns);
  return Array.from(seen, (bits) => (bits === 2 ? "room" : bits === 1 ? "person" : "edge"));
}

/** Give each square the bits of those around it in its line; begin and step say where the squares of a line lie. */
function spread(seen: Uint8Array, lines: number, begin: number, length: number, step: number): void {
  const line = new Uint8Array(length + 2 * REACH);
  for (let number = 0; number < lines; number++) {
    for (let at = 0; at < length; at++) line[at + REACH] = seen[number * begin + at * step] as number;
    for (let at = 0; at < length; at++) {
      let bits = 0;
      for (let off = 0; off <= 2 * REACH; off++) bits |= line[at + off] as number;
      seen[number * begin + at * step] = bits;
    }
  }
}
