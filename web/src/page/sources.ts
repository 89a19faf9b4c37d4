/** Where frames come from: a camera, or a file that was chosen. */

export type Facing = "user" | "environment";

/** Why there is no camera. */
export type CameraTrouble = "refused" | "none" | "busy" | "insecure";

export class NoCamera extends Error {
  constructor(readonly why: CameraTrouble) {
    super(why);
  }
}

export interface Source {
  readonly kind: "camera" | "video" | "photo";
  readonly picture: HTMLVideoElement | ImageBitmap;
  /** The sound that belongs to it, for a recording; null without any. */
  sound(): Promise<MediaStreamTrack | null>;
  close(): void;
}

/** The camera's frames; onlost is called when it is taken away. */
export async function openCamera(facing: Facing, onlost: () => void): Promise<Source> {
  if (!navigator.mediaDevices) throw new NoCamera("insecure");
  const wanted = {
    facingMode: facing,
    width: { ideal: 1280 },
    height: { ideal: 720 },
    frameRate: { ideal: 30 },
  };
  const stream = await navigator.mediaDevices.getUserMedia({ video: wanted }).catch((error: DOMException) => {
    throw new NoCamera(whyNot(error.name));
  });
  const video = player();
  video.muted = true;
  const [track] = stream.getVideoTracks();
  track?.addEventListener("ended", onlost);
  const close = () => {
    track?.removeEventListener("ended", onlost);
    for (const one of stream.getTracks()) one.stop();
    video.srcObject = null;
    video.remove();
  };
  try {
    await start(video, { srcObject: stream });
  } catch (error) {
    close();
    throw error;
  }
  return { kind: "camera", picture: video, sound: microphone, close };
}

function whyNot(name: string): CameraTrouble {
  if (name === "NotFoundError" || name === "OverconstrainedError") return "none";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "refused";
}

async function microphone(): Promise<MediaStreamTrack | null> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => null);
  return stream?.getAudioTracks()[0] ?? null;
}

/** A video or photo that was chosen. Fails when the browser cannot read it. */
export async function openFile(file: File): Promise<Source> {
  if (file.type.startsWith("image/")) {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    return { kind: "photo", picture, sound: async () => null, close: () => picture.close() };
  }
  const video = player();
  const address = URL.createObjectURL(file);
  const close = () => {
    video.pause();
    URL.revokeObjectURL(address);
    video.remove();
  };
  try {
    await start(video, { src: address, loop: true });
  } catch (error) {
    close();
    throw error;
  }
  return { kind: "video", picture: video, sound: async () => soundOf(video), close };
}

/** A video that plays in a loop without sound: a background. */
export async function openBackground(file: File): Promise<HTMLVideoElement | ImageBitmap> {
  if (file.type.startsWith("image/")) return createImageBitmap(file, { imageOrientation: "from-image" });
  const video = document.createElement("video");
  video.muted = video.playsInline = true;
  await start(video, { src: URL.createObjectURL(file), loop: true });
  return video;
}

async function start(
  video: HTMLVideoElement,
  from: { srcObject: MediaStream } | { src: string; loop: boolean },
): Promise<void> {
  Object.assign(video, { srcObject: null, ...from });
  await video.play();
}

/** Browsers play only what is in the page; it is never seen there. */
function player(): HTMLVideoElement {
  const video = document.createElement("video");
  video.className = "player";
  video.playsInline = true;
  video.tabIndex = -1;
  video.setAttribute("aria-hidden", "true");
  document.body.append(video);
  return video;
}

/** The ways of each chosen video's sound into recordings: an element can have only one. */
const sounds = new WeakMap<HTMLVideoElement, MediaStreamAudioDestinationNode>();

function soundOf(video: HTMLVideoElement): MediaStreamTrack | null {
  let out = sounds.get(video);
  if (!out) {
    const context = new AudioContext();
    out = context.createMediaStreamDestination();
    const from = context.createMediaElementSource(video);
    from.connect(out);
    from.connect(context.destination);
    sounds.set(video, out);
  }
  return out.stream.getAudioTracks()[0]?.clone() ?? null;
}
