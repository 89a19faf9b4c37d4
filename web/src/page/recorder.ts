/** What a recording is written as, the best that this browser knows first. */
const TYPES = [
  "video/mp4;codecs=avc1.640028,mp4a.40.2",
  "video/mp4;codecs=avc1,mp4a.40.2",
  "video/webm;codecs=vp9,opus",
  "video/webm;codecs=vp8,opus",
  "video/webm",
];

const BITS_PER_SECOND = 6_000_000;

/** Records what the canvas shows, with a sound track if there is one. */
export class Recorder {
  private readonly recorder: MediaRecorder;
  private readonly parts: Blob[] = [];
  private readonly stream: MediaStream;
  readonly begun = performance.now();

  constructor(
    canvas: HTMLCanvasElement,
    readonly sound: MediaStreamTrack | null,
  ) {
    this.stream = canvas.captureStream();
    if (sound) this.stream.addTrack(sound);
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    const options = { videoBitsPerSecond: BITS_PER_SECOND, ...(mimeType && { mimeType }) };
    this.recorder = new MediaRecorder(this.stream, options);
    this.recorder.ondataavailable = ({ data }) => this.parts.push(data);
    this.recorder.start(1000);
  }

  pause(): void {
    if (this.recorder.state === "recording") this.recorder.pause();
  }

  resume(): void {
    if (this.recorder.state === "paused") this.recorder.resume();
  }

  /** The whole recording. */
  async stop(): Promise<File> {
    if (this.recorder.state !== "inactive") {
      await new Promise((done) => {
        this.recorder.addEventListener("stop", done, { once: true });
        this.recorder.stop();
      });
    }
    for (const track of this.stream.getTracks()) track.stop();
    const type = this.recorder.mimeType.split(";")[0] || "video/webm";
    return new File(this.parts, named(type === "video/mp4" ? "mp4" : "webm"), { type });
  }
}

/** What the canvas shows. */
export async function photo(canvas: HTMLCanvasElement, redraw: () => void): Promise<File> {
  // a WebGL canvas keeps its picture only until the browser has shown it
  redraw();
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.93));
  if (!blob) throw new Error("the picture could not be made");
  return new File([blob], named("jpg"), { type: "image/jpeg" });
}

function named(ending: string): string {
  const time = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString();
  return `livematte-${time.slice(0, 19).replaceAll(":", "").replace("T", "-")}.${ending}`;
}
