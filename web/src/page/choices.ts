import { type Backdrop, type Colour, colourOf } from "../picture/backdrop";
import lake from "../pictures/lake.webp?url";
import type { Key } from "./texts";

/** A background to choose: ready, or made when it is chosen. */
export interface Choice {
  readonly id: string;
  readonly label: Key;
  /** How its tile looks: a class of the style sheet. */
  readonly look: string;
  readonly make: () => Backdrop | Promise<Backdrop>;
}

const two = (top: string, bottom: string): Backdrop => ({
  kind: "colour",
  top: colourOf(top),
  bottom: colourOf(bottom),
});

export const CHOICES: readonly Choice[] = [
  { id: "blur", label: "blur", look: "tile-blur", make: () => ({ kind: "blur", strength: 0.55 }) },
  {
    id: "lake",
    label: "lake",
    look: "tile-lake",
    make: async () => ({
      kind: "picture",
      picture: await createImageBitmap(await (await fetch(lake)).blob()),
    }),
  },
  { id: "dusk", label: "dusk", look: "tile-dusk", make: () => two("#2b2f5b", "#f09a7a") },
  { id: "mint", label: "mint", look: "tile-mint", make: () => two("#d9f2e6", "#6fb8a4") },
  { id: "studio", label: "studio", look: "tile-studio", make: () => two("#a9aeb5", "#3f444c") },
  { id: "grey", label: "grey", look: "tile-grey", make: () => ({ kind: "grey" }) },
  { id: "key", label: "key", look: "tile-key", make: () => two("#00b140", "#00b140") },
];

/** One colour everywhere. */
export function plain(colour: Colour): Backdrop {
  return { kind: "colour", top: colour, bottom: colour };
}
