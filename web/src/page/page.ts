import type { Wish } from "../network/protocol";
import { type Backdrop, colourOf } from "../picture/backdrop";
import { PARTS, type Part } from "../picture/dye";
import { CHOICES, plain } from "./choices";
import { photo, Recorder } from "./recorder";
import { type Facing, NoCamera, openBackground, openCamera, openFile, type Source } from "./sources";
import { Stage, type Trouble } from "./stage";
import { type Key, otherLanguage, text, translate } from "./texts";

const FIRST = CHOICES[0] as (typeof CHOICES)[number];

/** How long something is said about a picture that goes on, in ms. */
const SAID = 5000;

const TROUBLES: Record<Trouble, Key> = {
  network: "network",
  runtime: "runtime",
  numbers: "numbers",
  worker: "worker",
  graphics: "graphics",
  source: "source_",
};

function element<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind;
}

/** The page: what was chosen, and what is said. */
export class Page {
  readonly stage: Stage;
  private readonly canvas = element<HTMLCanvasElement>("canvas");
  private source: Source | null = null;
  private facing: Facing = "user";
  /** Counts the sources that were asked for: only the last one counts. */
  private turn = 0;
  private opening = false;
  private recorder: Recorder | null = null;
  private problem: Key | null = null;
  private result: File | null = null;
  private custom = "#4d7cfe";

  constructor(wish: Wish) {
    this.stage = new Stage(this.canvas, wish, { kind: "blur", strength: 0.55 });
    this.stage.onchange = () => this.show();
    this.makeTiles();
    this.listen();
    this.speak();
    this.stage.prepare();
    window.setInterval(() => this.tick(), 500);
  }

  private listen(): void {
    const click = (id: string, act: () => unknown) => element(id).addEventListener("click", () => void act());
    click("start", () => this.useCamera());
    click("again", () => this.retry());
    click("flip", () => this.flip());
    click("mirror", () => this.setMirror(!this.stage.mirror));
    click("photo", () => this.takePhoto());
    click("record", () => this.record());
    click("share", () => this.share());
    click("close", () => element<HTMLDialogElement>("result").close());
    click("language", () => {
      otherLanguage();
      this.speak();
    });
    for (const id of ["choose", "choose-other"]) {
      const input = element<HTMLInputElement>(id);
      input.addEventListener("change", () => {
        const file = input.files?.[0];
        if (file) void this.useFile(file);
        input.value = "";
      });
    }
    element<HTMLInputElement>("strength").addEventListener("input", () => this.setStrength());
    for (const part of PARTS) {
      element(`${part}-on`).addEventListener("change", () => this.setDyes());
      element(part).addEventListener("input", () => {
        element<HTMLInputElement>(`${part}-on`).checked = true;
        this.setDyes();
      });
    }
    element("result").addEventListener("close", () => this.forgetResult());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.recorder?.pause();
      else this.recorder?.resume();
    });
  }

  // sources

  private async useCamera(): Promise<void> {
    await this.use(() => openCamera(this.facing, () => this.lost()), this.facing === "user");
  }

  private async useFile(file: File): Promise<void> {
    await this.use(() => openFile(file), false);
  }

  private async use(open: () => Promise<Source>, mirror: boolean): Promise<void> {
    const turn = ++this.turn;
    // many devices give one camera at a time
    this.leave();
    this.problem = null;
    this.opening = true;
    this.show();
    try {
      const source = await open();
      // something else was chosen meanwhile
      if (turn !== this.turn) return source.close();
      this.source = source;
      this.opening = false;
      this.setMirror(mirror);
      this.stage.play(source.picture);
    } catch (error) {
      if (turn !== this.turn) return;
      this.opening = false;
      this.say(error instanceof NoCamera ? error.why : "unreadable");
    }
  }

  private async flip(): Promise<void> {
    if (this.source?.kind === "camera") this.facing = this.facing === "user" ? "environment" : "user";
    await this.useCamera();
  }

  private leave(): void {
    this.stage.play(null);
    this.source?.close();
    this.source = null;
  }

  private lost(): void {
    this.source?.close();
    this.source = null;
    this.stage.lose();
  }

  private async retry(): Promise<void> {
    if (this.source && !this.problem) this.stage.retry();
    else await this.useCamera();
  }

  // backgrounds

  private makeTiles(): void {
    const tiles = element("tiles");
    for (const { id, label, look, make } of CHOICES) {
      const { tile, input } = radio(id, label, look);
      input.checked = id === FIRST.id;
      input.addEventListener("change", async () => {
        this.put(await make());
      });
      tiles.append(tile);
    }
    tiles.append(this.colourTile(), this.ownTile());
  }

  private colourTile(): HTMLElement {
    const tile = document.createElement("label");
    tile.className = "tile tile-colour";
    tile.innerHTML = '<input type="color" data-label="colour"><i></i><span data-text="colour"></span>';
    const input = tile.querySelector("input") as HTMLInputElement;
    input.value = this.custom;
    const swatch = tile.querySelector("i") as HTMLElement;
    const choose = () => {
      swatch.style.background = input.value;
      this.unmark(tile);
      this.put(plain(colourOf(input.value)));
    };
    input.addEventListener("input", choose);
    return tile;
  }

  private ownTile(): HTMLElement {
    const tile = document.createElement("label");
    tile.className = "tile tile-own";
    tile.innerHTML =
      '<input type="file" accept="image/*,video/*" data-label="ownLabel"><i><svg aria-hidden="true"><use href="#i-plus"/></svg></i><span data-text="own"></span>';
    const input = tile.querySelector("input") as HTMLInputElement;
    const swatch = tile.querySelector("i") as HTMLElement;
    input.addEventListener("change", async () => {
      const file = input.files?.[0];
      input.value = "";
      if (!file) return;
      try {
        const picture = await openBackground(file);
        this.put({ kind: "picture", picture });
        swatch.style.backgroundImage =
          picture instanceof ImageBitmap ? `url("${URL.createObjectURL(file)}")` : "";
        this.unmark(tile);
      } catch {
        this.say("unreadable");
      }
    });
    return tile;
  }

  private put(backdrop: Backdrop): void {
    const before = this.stage.backdrop;
    this.stage.backdrop = backdrop;
    if (before.kind === "picture" && before.picture instanceof HTMLVideoElement) {
      before.picture.pause();
      URL.revokeObjectURL(before.picture.src);
    }
    this.setStrength();
  }

  /** Another tile than a radio button's is chosen. */
  private unmark(chosen: HTMLElement): void {
    for (const radio of document.querySelectorAll<HTMLInputElement>("#tiles input[type=radio]"))
      radio.checked = false;
    for (const tile of document.querySelectorAll(".tile")) tile.classList.toggle("chosen", tile === chosen);
  }

  private setStrength(): void {
    const { backdrop } = this.stage;
    element("strength-row").hidden = backdrop.kind !== "blur";
    const strength = Number(element<HTMLInputElement>("strength").value) / 100;
    if (backdrop.kind === "blur" && backdrop.strength !== strength)
      this.stage.backdrop = { kind: "blur", strength };
    if (document.querySelector("#tiles input[type=radio]:checked"))
      for (const tile of document.querySelectorAll(".tile")) tile.classList.remove("chosen");
  }

  private setDyes(): void {
    const colour = (part: Part) =>
      element<HTMLInputElement>(`${part}-on`).checked
        ? colourOf(element<HTMLInputElement>(part).value)
        : null;
    this.stage.dyes = { hair: colour("hair"), lips: colour("lips") };
  }

  private setMirror(mirror: boolean): void {
    this.stage.mirror = mirror;
    element("mirror").setAttribute("aria-pressed", String(mirror));
  }

  // results

  private async takePhoto(): Promise<void> {
    this.offer(await photo(this.canvas, () => this.stage.redraw()), "taken");
  }

  private async record(): Promise<void> {
    const button = element<HTMLButtonElement>("record");
    button.disabled = true;
    if (!this.recorder) {
      if (!this.source) return;
      const sound = await this.source.sound();
      try {
        this.recorder = new Recorder(this.canvas, sound);
      } catch {
        sound?.stop();
        this.say("unrecorded");
        return;
      }
      this.stage.held = true;
      this.stage.redraw();
    } else {
      const { recorder } = this;
      this.recorder = null;
      this.stage.held = false;
      this.offer(
        await recorder.stop(),
        "recorded",
        recorder.sound || this.source?.kind !== "camera" ? null : "silent",
      );
    }
    button.setAttribute("aria-pressed", String(this.recorder !== null));
    this.show();
    this.tick();
  }

  private offer(file: File, title: Key, note: Key | null = null): void {
    this.result = file;
    const address = URL.createObjectURL(file);
    const shown = document.createElement(title === "taken" ? "img" : "video");
    shown.src = address;
    if (shown instanceof HTMLVideoElement) shown.controls = shown.playsInline = true;
    else shown.alt = text(title);
    element("preview").replaceChildren(shown);
    element("result-title").textContent = text(title);
    element("result-note").textContent = note ? text(note) : "";
    const save = element<HTMLAnchorElement>("save");
    save.href = address;
    save.download = file.name;
    element("share").hidden = !navigator.canShare?.({ files: [file] });
    element<HTMLDialogElement>("result").showModal();
  }

  private async share(): Promise<void> {
    if (!this.result) return;
    await navigator.share({ files: [this.result] }).catch((error: DOMException) => {
      if (error.name !== "AbortError") element("result-note").textContent = text("unshared");
    });
  }

  private forgetResult(): void {
    URL.revokeObjectURL(element<HTMLAnchorElement>("save").href);
    element("preview").replaceChildren();
    this.result = null;
  }

  // what is said

  private say(problem: Key): void {
    this.problem = problem;
    this.show();
    if (!this.source) return;
    // the picture goes on: what is said about something else goes away by itself
    window.setTimeout(() => {
      if (this.problem === problem) this.problem = null;
      this.show();
    }, SAID);
  }

  private speak(): void {
    translate(document);
    this.show();
    this.tick();
  }

  /** Put the state of everything on the page. */
  private show(): void {
    const { state, trouble, opened } = this.stage;
    document.body.dataset.state = this.problem ? "problem" : state;
    const said = this.problem ?? (trouble ? TROUBLES[trouble] : null);
    const waiting = state === "waiting" || this.opening ? (opened ? "waiting" : "loading") : null;
    element("welcome").hidden = state !== "idle" || this.opening || said !== null;
    const notice = said ?? waiting;
    element("notice").hidden = notice === null;
    element("notice-text").textContent = notice ? text(notice) : "";
    element("again").hidden = said === null || (this.problem !== null && this.source !== null);
    this.canvas.classList.toggle("covered", trouble === "graphics");
    if (opened) element("dyes").hidden = !opened.offersParts;
    const live = state === "live";
    for (const id of ["photo", "record"])
      element<HTMLButtonElement>(id).disabled = !live && !(id === "record" && this.recorder);
    element("record-text").textContent = text(this.recorder ? "stop" : "record");
    element("speed").hidden = !live;
  }

  private tick(): void {
    const { speed } = this.stage;
    const still = this.source?.kind === "photo";
    element("speed").textContent =
      `${still ? "" : `${speed.fps} ${text("fps")} · `}${Math.round(speed.ms)} ${text("ms")}`;
    element("timer").hidden = !this.recorder;
    if (!this.recorder) return;
    const seconds = Math.floor((performance.now() - this.recorder.begun) / 1000);
    element("timer").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

function radio(id: string, label: Key, look: string): { tile: HTMLElement; input: HTMLInputElement } {
  const tile = document.createElement("label");
  tile.className = `tile ${look}`;
  tile.innerHTML = `<input type="radio" name="background" value="${id}"><i></i><span data-text="${label}"></span>`;
  return { tile, input: tile.querySelector("input") as HTMLInputElement };
}
