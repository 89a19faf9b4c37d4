import compatBinary from "../../packed/litert-compat.bin?url";
import compatScript from "../../packed/litert-compat.js?url";
import relaxedBinary from "../../packed/litert-relaxed.bin?url";
import relaxedScript from "../../packed/litert-relaxed.js?url";
import threadedBinary from "../../packed/litert-threaded.bin?url";
import threadedScript from "../../packed/litert-threaded.js?url";
import type { Answer, Ask, ExactMask, Failed, Files, Mask, Opened, Shape, Wish } from "./protocol";

/** How long the worker may be silent on a frame before it counts as dead, in ms. */
const PATIENCE = 15_000;

const absolute = (address: string) => new URL(address, document.baseURI).href;

const FILES: Files = {
  builds: {
    relaxed: { script: absolute(relaxedScript), binary: absolute(relaxedBinary) },
    compat: { script: absolute(compatScript), binary: absolute(compatBinary) },
    threaded: { script: absolute(threadedScript), binary: absolute(threadedBinary) },
  },
  networks: absolute("networks/"),
};

/** Why no more masks come. */
export class NetworkFailure extends Error {
  constructor(
    readonly what: Failed["what"] | "worker",
    message: string,
  ) {
    super(message);
  }
}

type Waiting = { resolve: (answer: never) => void; reject: (error: Error) => void; timer: number };

/** The network in its worker. After the first failure every call fails: make another one. */
export class NetworkClient {
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url));
  private readonly waiting = new Map<number, Waiting>();
  private failure: NetworkFailure | null = null;
  private last = 0;

  constructor(private readonly wish: Wish) {
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      if (data.type === "failed") this.fail(new NetworkFailure(data.what, data.message));
      else this.settle(data.type === "opened" ? 0 : data.id, data);
    };
    this.worker.onerror = (event) =>
      this.fail(new NetworkFailure("worker", event.message || "the worker broke"));
    this.worker.onmessageerror = () =>
      this.fail(new NetworkFailure("worker", "the worker is not understood"));
  }

  /** Load the runtime and the network for frames of this size; those of others make it load another file. */
  open(width: number, height: number): Promise<Opened> {
    return this.ask<Opened>(0, { type: "open", files: FILES, wish: this.wish, width, height }, null);
  }

  /** The mask of the next frame; its buffer is handed over and comes back with the mask. */
  run(rgba: Uint8Array, shape: Shape): Promise<Mask> {
    const id = ++this.last;
    return this.ask<Mask>(id, { type: "run", id, shape, rgba }, PATIENCE, [rgba.buffer as ArrayBuffer]);
  }

  /** The mask of the next frame as it leaves the network. */
  exact(rgba: Uint8Array, shape: Shape): Promise<ExactMask> {
    const id = ++this.last;
    return this.ask<ExactMask>(id, { type: "exact", id, shape, rgba }, PATIENCE);
  }

  /** Forget the previous mask. */
  reset(): void {
    this.worker.postMessage({ type: "reset" } satisfies Ask);
  }

  /** End the worker: what is under way fails. */
  close(): void {
    this.fail(new NetworkFailure("worker", "closed"));
  }

  private ask<Reply>(
    id: number,
    ask: Ask,
    patience: number | null,
    transfer: Transferable[] = [],
  ): Promise<Reply> {
    if (this.failure) return Promise.reject(this.failure);
    return new Promise<Reply>((resolve, reject) => {
      const late = () => this.fail(new NetworkFailure("worker", `no answer in ${PATIENCE / 1000} s`));
      const timer = patience === null ? 0 : window.setTimeout(late, patience);
      this.waiting.set(id, { resolve, reject, timer });
      this.worker.postMessage(ask, transfer);
    });
  }

  private settle(id: number, answer: Answer): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    window.clearTimeout(waiting?.timer);
    waiting?.resolve(answer as never);
  }

  private fail(failure: NetworkFailure): void {
    this.failure ??= failure;
    this.worker.terminate();
    for (const { reject, timer } of this.waiting.values()) {
      window.clearTimeout(timer);
      reject(this.failure);
    }
    this.waiting.clear();
  }
}
