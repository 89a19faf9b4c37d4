import { expect, test, vi } from "vitest";

test("each language has every text, and none is empty", async () => {
  vi.stubGlobal("navigator", { language: "zh-TW" });
  const { LANGUAGES, text } = await import("../src/page/texts");
  expect(text("start")).toBe(LANGUAGES.zh.start);
  expect(Object.keys(LANGUAGES.zh).sort()).toEqual(Object.keys(LANGUAGES.en).sort());
  for (const words of Object.values(LANGUAGES))
    for (const word of Object.values(words)) expect(word.trim()).not.toBe("");
});
