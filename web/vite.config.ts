import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const weights = new URL("../src/livematte/segment/weights/", import.meta.url);
const icons = ["icon-192.png", "icon-512.png", "icon-maskable.png"];

/** Serves networks/ as `livematte serve` does, and with its headers. */
function networks(): Plugin {
  return {
    name: "networks",
    configurePreviewServer(server) {
      server.middlewares.use((request, response, next) => {
        const name = new URL(request.url ?? "", "http://here").pathname.match(/^\/networks\/([\w.-]+)$/)?.[1];
        if (!name) return next();
        const files = readdirSync(weights).filter((file) => /^(best|fast)-\d+x\d+\.tflite$/.test(file));
        if (name === "index.json") return response.end(JSON.stringify(files.map(listed)));
        if (!files.includes(name)) return response.writeHead(404).end();
        response.end(readFileSync(new URL(name, weights)));
      });
    },
  };
}

function listed(file: string) {
  const bytes = readFileSync(new URL(file, weights));
  const [, name, height, width] = file.match(/^(\w+)-(\d+)x(\d+)/) ?? [];
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { name, height: Number(height), width: Number(width), file, bytes: bytes.length, sha256 };
}

/** The manifest, and the service worker with the list of what it keeps. */
function installable(): Plugin {
  return {
    name: "installable",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        for (const icon of icons)
          this.emitFile({
            type: "asset",
            fileName: `icons/${icon}`,
            source: readFileSync(new URL(`src/icons/${icon}`, import.meta.url)),
          });
        // the runtime's files are large, and one build of three is used: the worker keeps that one
        const shell = Object.keys(bundle).filter((name) => !/litert-|\.html$/.test(name));
        const index = bundle["index.html"];
        const all = createHash("sha256");
        for (const name of Object.keys(bundle).sort()) all.update(name);
        if (index?.type === "asset") all.update(index.source);
        const worker = readFileSync(new URL("src/service-worker.js", import.meta.url), "utf8")
          .replace("__VERSION__", JSON.stringify(all.digest("hex").slice(0, 12)))
          .replace("__SHELL__", JSON.stringify(["./", "manifest.webmanifest", ...shell.sort()]));
        this.emitFile({ type: "asset", fileName: "service-worker.js", source: worker });
      },
    },
  };
}

const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  base: "./",
  plugins: [networks(), installable()],
  build: {
    target: "es2022",
    outDir: fileURLToPath(new URL("../src/livematte/web/page", import.meta.url)),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
  preview: { headers },
});
