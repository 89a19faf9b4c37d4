/** Every word of the page, in each of its languages. */

const en = {
  title: "livematte: your video, another place",
  private: "Everything stays on this device",
  privateLong: "Nothing is uploaded. The network, your picture and your recordings stay on this device.",
  otherLanguage: "中文",
  welcome: "Be somewhere else",
  welcomeText: "Puts you before another background, live, as you move.",
  start: "Use the camera",
  choose: "Choose a video or photo",
  video: "Your picture with its new background",
  background: "Background",
  blur: "Blur",
  grey: "Grey",
  lake: "Lake",
  dusk: "Dusk",
  mint: "Mint",
  studio: "Studio",
  key: "Green",
  colour: "Colour",
  own: "Your own",
  ownLabel: "Your own background photo or video",
  strength: "Strength",
  hair: "Hair",
  hairColour: "Colour of the hair",
  lips: "Lips",
  lipsColour: "Colour of the lips",
  flip: "Other camera",
  mirror: "Mirror",
  photo: "Photo",
  record: "Record",
  stop: "Stop",
  source: "Source",
  waiting: "One moment…",
  loading: "Loading the network…",
  speed: "Pictures a second, and milliseconds for each",
  fps: "fps",
  ms: "ms",
  again: "Try again",
  save: "Save",
  share: "Share",
  close: "Close",
  taken: "Your photo",
  recorded: "Your recording",
  silent: "Recording without sound: there is no microphone, or it was not allowed.",
  refused: "The camera was not allowed. Allow it for this page in the browser's settings, then try again.",
  none: "No camera was found. Plug one in, or choose a video or photo.",
  busy: "The camera does not answer. Another program may be using it.",
  insecure: "Browsers give a camera only to pages that come by https or from this device itself.",
  source_: "The camera was taken away.",
  network: "The network's file could not be loaded. Check the connection, then try again.",
  runtime: "The network could not run in this browser.",
  numbers: "The network gave no sensible answer. Nothing is shown, to be safe.",
  worker: "The network stopped. Nothing is shown, to be safe.",
  graphics: "The graphics stopped, or this browser lacks WebGL2.",
  unreadable: "This browser cannot read that file.",
  unrecorded: "This browser cannot record.",
  unshared: "The file could not be shared. You can save it.",
} as const;

export type Key = keyof typeof en;

const zh: Record<Key, string> = {
  title: "livematte：换个地方出镜",
  private: "一切都在本机处理",
  privateLong: "不会上传任何内容。网络、画面和录像都只留在这台设备上。",
  otherLanguage: "English",
  welcome: "换个地方",
  welcomeText: "实时把你放到另一个背景前，随你而动。",
  start: "打开摄像头",
  choose: "选择视频或照片",
  video: "换好背景的画面",
  background: "背景",
  blur: "虚化",
  grey: "黑白",
  lake: "湖畔",
  dusk: "黄昏",
  mint: "薄荷",
  studio: "影棚",
  key: "绿幕",
  colour: "颜色",
  own: "自选",
  ownLabel: "自选背景照片或视频",
  strength: "强度",
  hair: "头发",
  hairColour: "头发颜色",
  lips: "嘴唇",
  lipsColour: "嘴唇颜色",
  flip: "切换镜头",
  mirror: "镜像",
  photo: "拍照",
  record: "录像",
  stop: "停止",
  source: "来源",
  waiting: "请稍候…",
  loading: "正在载入网络…",
  speed: "每秒帧数与每帧毫秒数",
  fps: "帧/秒",
  ms: "毫秒",
  again: "重试",
  save: "保存",
  share: "分享",
  close: "关闭",
  taken: "你的照片",
  recorded: "你的录像",
  silent: "没有声音：未找到麦克风或未获允许。",
  refused: "未获准使用摄像头。请在浏览器设置中允许本页使用，然后重试。",
  none: "未找到摄像头。请接上摄像头，或选择视频或照片。",
  busy: "摄像头没有响应，可能正被其他程序使用。",
  insecure: "浏览器只允许 https 页面或本机页面使用摄像头。",
  source_: "摄像头已断开。",
  network: "无法载入网络文件。请检查连接后重试。",
  runtime: "网络无法在此浏览器中运行。",
  numbers: "网络的结果无效。为安全起见，不显示画面。",
  worker: "网络已停止。为安全起见，不显示画面。",
  graphics: "图形处理已停止，或此浏览器不支持 WebGL2。",
  unreadable: "此浏览器无法读取该文件。",
  unrecorded: "此浏览器无法录像。",
  unshared: "无法分享，你可以保存文件。",
};

export const LANGUAGES = { en, zh } as const;

export type Language = keyof typeof LANGUAGES;

const KEPT = "livematte-language";

let now: Language = remembered();

function remembered(): Language {
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(KEPT);
  } catch {
    // a browser that keeps nothing still has a language
  }
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function text(key: Key): string {
  return LANGUAGES[now][key];
}

/** Change over to the other language. */
export function otherLanguage(): void {
  now = now === "en" ? "zh" : "en";
  try {
    localStorage.setItem(KEPT, now);
  } catch {
    // it is forgotten with the page
  }
}

/** Put every text in its place: `data-text` is what an element says, `data-label` what it is called. */
export function translate(root: Document): void {
  root.documentElement.lang = now === "zh" ? "zh-CN" : "en";
  root.title = text("title");
  for (const element of root.querySelectorAll<HTMLElement>("[data-text]"))
    element.textContent = text(element.dataset.text as Key);
  for (const element of root.querySelectorAll<HTMLElement>("[data-label]")) {
    const label = text(element.dataset.label as Key);
    element.setAttribute("aria-label", label);
    if (element.matches("button, label")) element.title = label;
  }
}
