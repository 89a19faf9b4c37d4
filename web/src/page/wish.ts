import type { Wish } from "../network/protocol";

const BUILDS = ["relaxed", "compat", "threaded"] as const;
const PLACES = ["wasm", "webgpu"] as const;

/** What the page's address asks for: `?build=relaxed&place=wasm&network=best`, for measuring. */
export function wishOf(search: string): Wish {
  const asked = new URLSearchParams(search);
  const build = BUILDS.find((one) => one === asked.get("build"));
  const place = PLACES.find((one) => one === asked.get("place"));
  const network = asked.get("network");
  return { ...(build && { build }), ...(place && { place }), ...(network && { network }) };
}
