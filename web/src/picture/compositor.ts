import type { Parts, Shape } from "../network/protocol";
import { type Backdrop, cover, NEUTRAL } from "./backdrop";
import { type Dyes, PARTS, tableOf, UNDYED } from "./dye";
import { free, Program, sized, type Target, target, texture } from "./gl";
import * as shaders from "./shaders";
import { type Tiles, tilesOf } from "./tiles";

/** A moving or still picture whose frames are textures. */
export type Picture = HTMLVideoElement | ImageBitmap;

/** A frame on the graphics card, and what the network is to see of it. */
export interface Shot {
  readonly texture: WebGLTexture;
  readonly width: number;
  readonly height: number;
  readonly shape: Shape;
  /** The frame at the network's size, and the same as RGBA from the top row down. */
  readonly small: WebGLTexture;
  readonly rgba: Uint8Array;
}

type Pictured = Extract<Backdrop, { kind: "picture" }>;

/** Where a frame is kept on the graphics card, and where it is shrunk. */
interface Slot {
  readonly texture: WebGLTexture;
  small: Target | null;
}

/** The longer side of the room where it is blurred. */
const BLUR_SIDE = 64;

/** The blur's standard deviation at that size, least and most. */
const SIGMA = [0.8, 3.2] as const;

/** Frames on the graphics card: the one shown, the one at the network, the one that waits, the one to come. */
const SHOTS = 4;

/** The targets for one shape of the network's input and one size of frames. */
interface Targets {
  readonly key: string;
  readonly coefficients: Target;
  readonly gain: Target;
  readonly parts: readonly Target[];
  readonly gathered: Target;
  readonly colours: Target;
  readonly blur: readonly [emptied: Target, half: Target, blurred: Target];
}

/** This browser's graphics cannot do what the page needs. */
export class Unsupported extends Error {}

/** Composes people before backgrounds on a canvas. Made anew when the canvas's context was lost. */
export class Compositor {
  private readonly gl: WebGL2RenderingContext;
  private readonly programs: Record<keyof typeof shaders, Program>;
  private readonly slots: readonly Slot[];
  private readonly mask: WebGLTexture;
  private readonly picture: WebGLTexture;
  private readonly tables: WebGLTexture;
  private readonly read: WebGLBuffer;
  private shown: Backdrop | null = null;
  private behindAll: Target | null = null;
  private targets: Targets | null = null;
  mirror = true;
  dyes: Dyes = UNDYED;
  /** Told after each stage of a frame, when the graphics card has done it; costs time, so only for measuring. */
  onlap: ((stage: string) => void) | null = null;

  constructor(private readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, stencil: false });
    if (!gl) throw new Unsupported("WebGL2 is missing");
    this.gl = gl;
    if (!gl.getExtension("EXT_color_buffer_float") && !gl.getExtension("EXT_color_buffer_half_float"))
      throw new Unsupported("WebGL2 cannot draw into half floats");
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    const made = Object.entries(shaders).map(([name, text]) => [name, new Program(gl, text)] as const);
    for (const [name, program] of made) {
      const fault = program.fault();
      if (fault) throw new Unsupported(`shader ${name}: ${fault}`);
    }
    this.programs = Object.fromEntries(made) as Record<keyof typeof shaders, Program>;
    this.slots = Array.from({ length: SHOTS }, () => ({ texture: texture(gl), small: null }));
    this.mask = texture(gl);
    this.picture = texture(gl);
    this.tables = texture(gl);
    this.read = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  }

  get lost(): boolean {
    return this.gl.isContextLost();
  }

  /**
   * Upload a source's present frame and shrink it for the network.
   *
   * kept: shots that are still needed; buffer: one to be used again.
   */
  async take(
    source: Picture,
    shape: Shape,
    kept: readonly (Shot | null | undefined)[],
    buffer: Uint8Array | null,
  ): Promise<Shot> {
    const { gl } = this;
    const [width, height] = sizeOf(source);
    const slot = this.slots.find((one) => !kept.some((shot) => shot?.texture === one.texture)) as Slot;
    gl.bindTexture(gl.TEXTURE_2D, slot.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, source);
    const small = sized(this.gl, slot.small, shape[1], shape[0]);
    slot.small = small;
    this.lap("upload");
    const taps = [width / small.width, height / small.height].map((ratio) =>
      Math.max(1, Math.ceil(ratio / 2 - 0.1)),
    );
    const step = [1 / small.width, 1 / small.height];
    this.programs.SHRINK.draw(small, { u_frame: slot.texture, u_step: step, u_taps: taps });
    const rgba = await this.readBack(small, buffer);
    this.lap("shrink and read");
    return { texture: slot.texture, small: first(small), width, height, shape, rgba };
  }

  /** Show a shot's people before the background. mask: levels 0..255 of the shot's shape; parts: of it, if told. */
  show(shot: Shot, mask: Uint8Array, parts: Parts | null, backdrop: Backdrop): void {
    const { programs } = this;
    const { gain, gathered, colours, blur } = this.fit(shot.shape, shot.width, shot.height);
    const u_small = shot.small;
    const tiles = tilesOf(mask, shot.shape);
    this.lap("tiles");
    this.filter(shot, mask, gain, tiles);
    const u_gain = first(gain);
    this.lap("guided filter");
    programs.GATHER.draw(gathered, { u_small, u_gain, u_pixel: [1 / gathered.width, 0] });
    programs.COLOURS.draw(colours, {
      u_person: first(gathered),
      u_room: second(gathered),
      u_pixel: [0, 1 / colours.height],
    });
    this.lap("colours");
    const [emptied, half, blurred] = blur;
    if (backdrop.kind === "blur") {
      const u_sigma = SIGMA[0] + (SIGMA[1] - SIGMA[0]) * backdrop.strength;
      const [across, down] = [
        [1 / half.width, 0],
        [0, 1 / half.height],
      ];
      programs.EMPTIED.draw(emptied, { u_small, u_gain, u_pixel: pixel(emptied) });
      programs.BLUR.draw(half, { u_from: first(emptied), u_pixel: across, u_last: false, u_sigma });
      programs.BLUR.draw(blurred, { u_from: first(half), u_pixel: down, u_last: true, u_sigma });
    }
    this.lap("blur");
    const dyes = this.dyed(shot, parts);
    this.lap("dyes");
    const values = { u_mirror: this.mirror, u_frame: shot.texture, ...dyes, ...this.behind(backdrop, shot) };
    this.frame(shot.width, shot.height);
    const u_blurred = first(blurred);
    const dyed = dyes !== null;
    (dyed ? programs.DYED_PERSON : programs.PERSON).draw(null, values, tiles.person);
    if (isOwn(backdrop)) programs.ROOM.draw(null, { ...values, u_blurred }, tiles.room);
    else programs.EMPTY.draw(null, values, tiles.room);
    const around = { u_gain, u_person: first(colours), u_room: second(colours), u_blurred };
    (dyed ? programs.DYED_EDGE : programs.EDGE).draw(null, { ...values, ...around }, tiles.edge);
    this.lap("compose");
  }

  /** The guided filter's coefficients for levels 0..255 of the shot's shape. */
  private filter(shot: Shot, levels: Uint8Array, into: Target, { person, room, edge }: Tiles): void {
    const { gl, programs } = this;
    const { coefficients } = this.fit(shot.shape, shot.width, shot.height);
    const [height, width] = shot.shape;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.mask);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, width, height, 0, gl.RED, gl.UNSIGNED_BYTE, levels);
    const u_pixel = pixel(coefficients);
    const u_mask = this.mask;
    for (const filled of [coefficients, into])
      for (const solid of [person, room]) programs.SOLID.draw(filled, { u_mask }, solid);
    programs.COEFFICIENTS.draw(coefficients, { u_small: shot.small, u_mask, u_pixel }, edge);
    programs.AVERAGE.draw(into, { u_from: first(coefficients), u_pixel }, edge);
  }

  /** What the shaders need to dye those parts that are to be and are seen; null where none is. */
  private dyed(shot: Shot, parts: Parts | null) {
    const { gl } = this;
    const found = this.fit(shot.shape, shot.width, shot.height).parts;
    const tables = new Uint8Array(2 * 256 * 4);
    const u_dyed = PARTS.map((part, number) => {
      const [colour, light, levels] = [this.dyes[part], parts?.lights[number], parts?.levels[number]];
      if (!colour || !levels || light === null || light === undefined) return 0;
      tables.set(tableOf(part, colour, light), number * 256 * 4);
      this.filter(shot, levels, found[number] as Target, tilesOf(levels, shot.shape));
      return 1;
    });
    if (!u_dyed.includes(1)) return null;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.tables);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 2, 0, gl.RGBA, gl.UNSIGNED_BYTE, tables);
    const [u_hair, u_lips] = found.map(first) as [WebGLTexture, WebGLTexture];
    return { u_dyed, u_hair, u_lips, u_tables: this.tables };
  }

  /** Show the background alone, or a neutral one where it would be made of the room. */
  empty(backdrop: Backdrop, width: number, height: number): void {
    const values = this.behind(backdrop, { width, height });
    this.frame(width, height);
    this.programs.EMPTY.draw(null, isOwn(backdrop) ? { ...values, u_kind: 0 } : values);
  }

  /** Keep the canvas's size from now on (a recording's must not change), or let it follow the frames. */
  held = false;

  private lap(stage: string): void {
    if (!this.onlap) return;
    this.finish();
    this.onlap(stage);
  }

  /** Wait until the graphics card has done everything: for measuring. */
  finish(): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    // the only call that waits until everything is drawn
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  private frame(width: number, height: number): void {
    const { gl, canvas } = this;
    if (!this.held && (canvas.width !== width || canvas.height !== height)) {
      canvas.width = width;
      canvas.height = height;
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    const scale = Math.min(canvas.width / width, canvas.height / height);
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (wide !== canvas.width || high !== canvas.height) gl.clear(gl.COLOR_BUFFER_BIT);
    gl.viewport((canvas.width - wide) >> 1, (canvas.height - high) >> 1, wide, high);
  }

  private behind(backdrop: Backdrop, frame: { width: number; height: number }) {
    const [u_top, u_bottom] = backdrop.kind === "colour" ? [backdrop.top, backdrop.bottom] : NEUTRAL;
    const u_kind = { colour: 0, picture: 1, blur: 2, grey: 3 }[backdrop.kind];
    const values = { u_kind, u_top, u_bottom, u_picture: this.picture };
    if (backdrop.kind !== "picture") return values;
    const fitted = this.fitted(backdrop, frame.width, frame.height);
    return fitted ? { ...values, u_picture: first(fitted) } : { ...values, u_kind: 0 };
  }

  /** A picture as large as the frame; null before a video's first. What stands still is drawn once. */
  private fitted(backdrop: Pictured, width: number, height: number): Target | null {
    const { gl } = this;
    const { picture } = backdrop;
    const moving = picture instanceof HTMLVideoElement;
    if (moving && picture.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    const behind = sized(gl, this.behindAll, width, height);
    if (behind === this.behindAll && !moving && this.shown === backdrop) return behind;
    this.behindAll = behind;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.picture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, moving ? gl.LINEAR : gl.LINEAR_MIPMAP_NEAREST);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    if (!moving) gl.generateMipmap(gl.TEXTURE_2D);
    const [wide, high] = sizeOf(picture);
    const u_cover = cover({ width: wide, height: high }, { width, height });
    const u_level = moving ? 0 : Math.max(0, Math.round(Math.log2((wide * u_cover[0]) / width)));
    this.programs.FITTED.draw(behind, { u_picture: this.picture, u_cover, u_level });
    this.shown = backdrop;
    return behind;
  }

  private fit(shape: Shape, width: number, height: number): Targets {
    const { gl } = this;
    const key = [...shape, width, height].join();
    if (this.targets?.key === key) return this.targets;
    for (const old of Object.values(this.targets ?? {}).flat()) if (isTarget(old)) free(gl, old);
    const [high, wide] = shape;
    const scale = BLUR_SIDE / Math.max(width, height);
    const room = (format: number) =>
      target(gl, Math.round(width * scale), Math.round(height * scale), [format]);
    this.targets = {
      key,
      coefficients: target(gl, wide >> 1, high >> 1, [gl.RGBA16F]),
      gain: target(gl, wide >> 1, high >> 1, [gl.RGBA16F]),
      parts: PARTS.map(() => target(gl, wide >> 1, high >> 1, [gl.RGBA16F])),
      gathered: target(gl, wide >> 2, high >> 2, [gl.RGBA16F, gl.RGBA16F]),
      colours: target(gl, wide >> 2, high >> 2, [gl.RGBA8, gl.RGBA8]),
      blur: [room(gl.RGBA16F), room(gl.RGBA16F), room(gl.RGBA8)],
    };
    return this.targets;
  }

  private async readBack(from: Target, buffer: Uint8Array | null): Promise<Uint8Array> {
    const { gl } = this;
    const bytes = from.width * from.height * 4;
    gl.bindFramebuffer(gl.FRAMEBUFFER, from.framebuffer);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, this.read);
    gl.bufferData(gl.PIXEL_PACK_BUFFER, bytes, gl.STREAM_READ);
    gl.readPixels(0, 0, from.width, from.height, gl.RGBA, gl.UNSIGNED_BYTE, 0);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    const sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    // reading at once would make the page wait for the graphics card, asking without a pause would take a core
    while (sync && gl.clientWaitSync(sync, 0, 0) === gl.TIMEOUT_EXPIRED) await pause();
    gl.deleteSync(sync);
    const rgba = buffer?.length === bytes ? buffer : new Uint8Array(bytes);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, this.read);
    gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, rgba);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    return rgba;
  }
}

/** The width and height of a picture as it is seen. */
export function sizeOf(picture: Picture): [width: number, height: number] {
  return picture instanceof HTMLVideoElement
    ? [picture.videoWidth, picture.videoHeight]
    : [picture.width, picture.height];
}

/** Whether a background is made of the room. */
const isOwn = ({ kind }: Backdrop) => kind === "blur" || kind === "grey";

/** A millisecond; a browser makes four of it from the fifth in a row on. */
const pause = () => new Promise((go) => setTimeout(go, 1));

const first = (of: Target) => of.textures[0] as WebGLTexture;
const pixel = (of: Target) => [1 / of.width, 1 / of.height];
const second = (of: Target) => of.textures[1] as WebGLTexture;

function isTarget(value: unknown): value is Target {
  return typeof value === "object" && value !== null && "framebuffer" in value;
}
