/** What the page and the network's worker say to each other. Buffers are handed over, never copied. */

/** A build of LiteRT.js's WebAssembly: with relaxed SIMD, without it, with relaxed SIMD and threads. */
export type Build = "relaxed" | "compat" | "threaded";

/** Where the network runs. */
export type Place = "wasm" | "webgpu";

/** Height and width of the network's input. */
export type Shape = readonly [height: number, width: number];

export interface Files {
  /** The address of each build's script and of its packed WebAssembly. */
  readonly builds: Record<Build, { readonly script: string; readonly binary: string }>;
  /** The address of the folder with index.json and the network files. */
  readonly networks: string;
}

/** What the page's address asks for instead of what would be chosen. */
export interface Wish {
  readonly build?: Build;
  readonly place?: Place;
  readonly network?: string;
}

/** The network that tells the parts of people apart. */
export const PARTS_NETWORK = "parts";

export type Ask =
  /** width, height: of the first frames. */
  | {
      readonly type: "open";
      readonly files: Files;
      readonly wish: Wish;
      readonly width: number;
      readonly height: number;
    }
  /** rgba: H×W×4 bytes from the top row down; alpha is not read. */
  | { readonly type: "run"; readonly id: number; readonly shape: Shape; readonly rgba: Uint8Array }
  /** The same with the mask as it left the network. */
  | { readonly type: "exact"; readonly id: number; readonly shape: Shape; readonly rgba: Uint8Array }
  | { readonly type: "reset" };

export interface Opened {
  readonly type: "opened";
  readonly network: string;
  /** What its files read. */
  readonly shapes: readonly Shape[];
  readonly place: Place;
  readonly build: Build;
  readonly threads: number;
  /** Whether there is a network that tells hair and lips, this one or another. */
  readonly offersParts: boolean;
}

/** Hair and lips, in this order. levels: H×W in 0..255; lights: the mean luma in 0..1, null where there is none. */
export interface Parts {
  readonly levels: readonly Uint8Array[];
  readonly lights: readonly (number | null)[];
}

/** mask: H×W levels in 0..255; rgba: the frame's buffer, given back; ms: the network alone. */
export interface Mask {
  readonly type: "mask";
  readonly id: number;
  readonly shape: Shape;
  readonly mask: Uint8Array;
  /** Null from a network that tells no parts. */
  readonly parts: Parts | null;
  readonly rgba: Uint8Array;
  readonly ms: number;
}

/** mask: H×W in 0..1. */
export interface ExactMask {
  readonly type: "exact";
  readonly id: number;
  readonly mask: Float32Array;
  readonly ms: number;
}

/** After this the worker answers nothing more. */
export interface Failed {
  readonly type: "failed";
  readonly what: "network" | "runtime" | "numbers";
  readonly message: string;
}

export type Answer = Opened | Mask | ExactMask | Failed;
