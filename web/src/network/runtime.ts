import { type CompiledModel, type LiteRt, loadLiteRt, supportsFeature, Tensor } from "@litertjs/core";
import { fresh, keepOnly, kept } from "./fetching";
import { type Build, type Files, PARTS_NETWORK, type Place, type Shape, type Wish } from "./protocol";
import { closestShape } from "./shapes";

/** Runs of each place when their speed is compared; the first ones warm it up. */
const TRIALS = 6;

/** The mean difference between two places' masks from which on the faster one is wrong. */
const AGREEMENT = 0.02;

const INDEX = "index.json";

interface Listed {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly file: string;
  readonly sha256: string;
}

/** LiteRT.js with one network: a file for each shape, loaded when first asked for. */
export class Runtime {
  private readonly models = new Map<string, CompiledModel>();

  private constructor(
    private readonly litert: LiteRt,
    private readonly listed: readonly Listed[],
    private readonly folder: string,
    readonly network: string,
    readonly build: Build,
    readonly threads: number,
    public place: Place,
  ) {}

  /** width, height: of the first frames, whose file is loaded. */
  static async open(files: Files, wish: Wish, width: number, height: number): Promise<Runtime> {
    const cores = Math.max(1, Math.min(4, navigator.hardwareConcurrency >> 1));
    const build = wish.build ?? (await bestBuild(cores));
    const threads = build === "threaded" ? cores : 1;
    const [listed, litert] = await Promise.all([list(files.networks), start(files, build)]);
    const network = wish.network ?? choose(listed);
    const runtime = new Runtime(litert, listed, files.networks, network, build, threads, "wasm");
    const { shapes } = runtime;
    if (shapes.length === 0) throw new Missing(`no network ${network}`);
    const shape = closestShape(width, height, shapes);
    runtime.place = wish.place ?? (await runtime.fasterPlace(shape));
    // the first run prepares the weights: not the viewer's first frame
    await runtime.run(new Float32Array(shape[0] * shape[1] * 4), shape);
    return runtime;
  }

  /** What the network's files read. */
  get shapes(): readonly Shape[] {
    return this.listed
      .filter(({ name }) => name === this.network)
      .map(({ height, width }) => [height, width] as const);
  }

  get offersParts(): boolean {
    return this.listed.some(({ name }) => name === PARTS_NETWORK);
  }

  /** The mask, H×W in 0..1 (H×W×9 with parts), of an input H×W×4: RGB in 0..1 and the previous mask; and the time that it took. */
  async run(input: Float32Array, shape: Shape): Promise<{ mask: Float32Array; ms: number }> {
    return this.runAt(this.place, input, shape);
  }

  private async runAt(
    place: Place,
    input: Float32Array,
    shape: Shape,
  ): Promise<{ mask: Float32Array; ms: number }> {
    const model = await this.model(place, shape);
    const before = performance.now();
    let given = new Tensor(input, [1, shape[0], shape[1], 4]);
    if (place === "webgpu") given = await given.moveTo("webgpu");
    const [raw] = await model.run([given]);
    given.delete();
    if (!raw) throw new Error("the network gave no mask");
    const result = place === "webgpu" ? await raw.moveTo("wasm") : raw;
    const mask = result.toTypedArray() as Float32Array;
    result.delete();
    return { mask, ms: performance.now() - before };
  }

  private async model(place: Place, [height, width]: Shape): Promise<CompiledModel> {
    const key = `${place} ${height}x${width}`;
    const ready = this.models.get(key);
    if (ready) return ready;
    const file = this.listed.find(
      (one) => one.name === this.network && one.height === height && one.width === width,
    );
    if (!file) throw new Missing(`no network ${this.network} for ${height}×${width}`);
    const answer = await kept(this.address(file)).catch((error: unknown) => {
      throw new Missing(String(error));
    });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const model = await this.litert.loadAndCompile(bytes, {
      accelerator: place,
      cpuOptions: { numThreads: this.threads },
    });
    this.models.set(key, model);
    return model;
  }

  /** Keep what the next visit needs, and what a device that is turned does, also without a connection. */
  async keep(files: Files): Promise<void> {
    const builds = Object.values(files.builds).flatMap(({ script, binary }) => [script, binary]);
    const index = new URL(INDEX, files.networks).href;
    await keepOnly([index, ...builds, ...this.listed.map((one) => this.address(one))]);
    for (const one of this.listed) if (one.name === this.network) await kept(this.address(one));
  }

  private address({ file, sha256 }: Listed): string {
    // the hash makes a new version another address
    return new URL(`${file}?${sha256.slice(0, 16)}`, this.folder).href;
  }

  /** WebGPU where it is there, agrees with WebAssembly and is faster. */
  private async fasterPlace(shape: Shape): Promise<Place> {
    if (!this.litert.getWebGpuDevice()) return "wasm";
    try {
      const cpu = await this.trial("wasm", shape);
      const gpu = await this.trial("webgpu", shape);
      const apart = cpu.mask.reduce((sum, value, at) => sum + Math.abs(value - (gpu.mask[at] ?? NaN)), 0);
      return apart / cpu.mask.length < AGREEMENT && gpu.ms < cpu.ms ? "webgpu" : "wasm";
    } catch {
      return "wasm";
    }
  }

  private async trial(place: Place, shape: Shape): Promise<{ mask: Float32Array; ms: number }> {
    const input = new Float32Array(shape[0] * shape[1] * 4).map((_, at) =>
      at % 4 === 3 ? 0 : (at % 251) / 251,
    );
    let best = await this.runAt(place, input, shape);
    for (let turn = 1; turn < TRIALS; turn++) {
      const again = await this.runAt(place, input, shape);
      if (again.ms < best.ms) best = again;
    }
    return best;
  }
}

/** A network file is not there. */
export class Missing extends Error {}

async function bestBuild(cores: number): Promise<Build> {
  if (!(await supportsFeature("relaxedSimd"))) return "compat";
  const threads = cores > 1 && self.crossOriginIsolated && (await supportsFeature("threads"));
  return threads ? "threaded" : "relaxed";
}

async function list(folder: string): Promise<Listed[]> {
  const answer = await fresh(new URL(INDEX, folder).href).catch((error: unknown) => {
    throw new Missing(String(error));
  });
  return (await answer.json()) as Listed[];
}

function choose(listed: readonly Listed[]): string {
  const names = listed.map((one) => one.name);
  const name = ["fast", "best"].find((one) => names.includes(one)) ?? names[0];
  if (!name) throw new Missing("index.json lists no network");
  return name;
}

async function start(files: Files, build: Build): Promise<LiteRt> {
  const { script, binary } = files.builds[build];
  const module = unpacked(binary);
  module.catch(() => {}); // is awaited below
  let giveUp: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  // LiteRT.js hands this object to the script, which asks it for the WebAssembly
  Object.assign(self, {
    Module: {
      mainScriptUrlOrBlob: script,
      // it announces itself on the console
      printErr() {},
      instantiateWasm(
        imports: WebAssembly.Imports,
        done: (instance: WebAssembly.Instance, of: WebAssembly.Module) => void,
      ) {
        module
          .then(async (ready) => done(await WebAssembly.instantiate(ready, imports), ready))
          .catch(giveUp);
        return {};
      },
    },
  });
  const litert = await Promise.race([loadLiteRt(script), failed]);
  // the script itself came around the store
  kept(script).catch(() => {});
  return litert;
}

async function unpacked(address: string): Promise<WebAssembly.Module> {
  const packed = await kept(address);
  if (!packed.body) throw new Error(`${address} is empty`);
  const plain = packed.body.pipeThrough(new DecompressionStream("gzip"));
  return WebAssembly.compileStreaming(
    new Response(plain, { headers: { "Content-Type": "application/wasm" } }),
  );
}
