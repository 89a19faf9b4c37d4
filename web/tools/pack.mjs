// Packs LiteRT.js's WebAssembly with gzip and its scripts by minifying, so that any static server sends few bytes.
// pako, not the zlib of the Node that happens to run: the same bytes everywhere.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzip } from "pako";
import { minifySync } from "vite";

const from = new URL("../node_modules/@litertjs/core/wasm/", import.meta.url);
const to = new URL("../packed/", import.meta.url);
const variants = { relaxed: "", compat: "compat_", threaded: "threaded_" };

mkdirSync(to, { recursive: true });
for (const [name, part] of Object.entries(variants)) {
  const binary = readFileSync(new URL(`litert_wasm_${part}internal.wasm`, from));
  writeFileSync(new URL(`litert-${name}.bin`, to), gzip(binary, { level: 9, memLevel: 9 }));
  const glue = readFileSync(new URL(`litert_wasm_${part}internal.js`, from), "utf8");
  // its names stay: LiteRT.js looks for ModuleFactory
  const { code, errors } = minifySync("glue.js", glue, { module: false, mangle: { toplevel: false } });
  if (errors.length > 0) throw new Error(String(errors[0]));
  writeFileSync(new URL(`litert-${name}.js`, to), code);
}
