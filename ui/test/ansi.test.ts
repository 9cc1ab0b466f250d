import assert from "node:assert/strict";
import { test } from "node:test";
import { BOLD, RGB, UNDERLINE, ansiPaint, ansiShow } from "../src/lib/ansi";
import { DARK, LIGHT, PAGE, contrast, readable } from "../src/lib/colour";

const text = (line: string): string => ansiShow(line).text;
const number = (colour: string): number => parseInt(colour.slice(1), 16);

test("a plain line is taken as it is", () => {
  const shown = ansiShow("<script>alert(1)</script>\tx");
  assert.equal(shown.text, "<script>alert(1)</script>\tx");
  assert.equal(shown.source, null);
  assert.deepEqual(shown.spans, []);
});

test("colours and attributes become spans", () => {
  const shown = ansiShow("\u001b[1;31mred\u001b[0m and \u001b[4munder\u001b[24m no");
  assert.equal(shown.text, "red and under no");
  assert.deepEqual(shown.spans, [
    { start: 0, end: 3, style: { fg: 1, bg: -1, bits: BOLD } },
    { start: 8, end: 13, style: { fg: -1, bg: -1, bits: UNDERLINE } },
  ]);
});

test("256 and true colours are read, with semicolons and with colons", () => {
  assert.equal(ansiShow("\u001b[38;5;196mx").spans[0]!.style.fg, RGB + 0xff0000);
  assert.equal(ansiShow("\u001b[38;5;244mx").spans[0]!.style.fg, RGB + 0x808080);
  assert.equal(ansiShow("\u001b[38;2;1;2;3mx").spans[0]!.style.fg, RGB + 0x010203);
  assert.equal(ansiShow("\u001b[48:2::1:2:3mx").spans[0]!.style.bg, RGB + 0x010203);
  assert.equal(ansiShow("\u001b[38;5;9mx").spans[0]!.style.fg, 9);
  assert.equal(ansiShow("\u001b[38;2;999;0;0mx").spans[0]!.style.fg, RGB + 0xff0000);
});

test("a carriage return overwrites, and one at the end doesn't", () => {
  assert.equal(text("10%\r20%\r30%"), "30%");
  assert.equal(text("long text\rhi"), "hing text");
  assert.equal(text("long text\r\u001b[Khi"), "hi");
  assert.equal(text("windows\r"), "windows");
  assert.equal(text("loading\r\u001b[2Kdone"), "done");
  assert.equal(text("ab\bc"), "ac");
});

test("cursor columns are kept within bounds", () => {
  assert.equal(text("\u001b[5Gx"), "    x");
  assert.ok(text("\u001b[99999999Cx").length < 2000);
  assert.ok(text("\u001b[99999999C".repeat(5000) + "x").length < 70000);
});

test("control characters are seen", () => {
  assert.equal(text("a\u0000b\u0007c\u007f"), "a␀b␇c␡");
  assert.equal(text("a\u202eb\u2066c\u200b"), "a␦b␦c␦");
});

test("titles and hyperlinks are left out, their text stays", () => {
  assert.equal(text("\u001b]0;owned\u0007ok"), "ok");
  assert.equal(text("\u001b]8;;javascript:alert(1)\u001b\\click\u001b]8;;\u001b\\"), "click");
});

test("an unended sequence hides nothing", () => {
  assert.equal(text("\u001b]0;this stays to be seen"), "␛]0;this stays to be seen");
  assert.equal(text("\u001b[31"), "␛[31");
  assert.equal(text("\u001b"), "␛");
});

test("concealed text is shown", () => {
  assert.equal(text("\u001b[8msecret"), "secret");
});

test("broken text stays whole", () => {
  assert.equal(text("a\ufffd\u001b[1m\ufffdb"), "a\ufffd\ufffdb");
  assert.equal(text("\ud800\u001b[1mx"), "\ud800x");
  assert.equal(text("\u001b[1m😀\r😀x"), "😀x");
});

test("each unit knows where it came from", () => {
  const shown = ansiShow("\u001b[31mab\u001b[0mc");
  assert.deepEqual([...shown.source!], [5, 6, 11]);
});

test("a hostile line takes no longer than its length", () => {
  const lines = [
    "\u001b]".repeat(500_000),
    "\u001b[31m".repeat(200_000),
    "\u001b[".repeat(500_000),
    "x\r".repeat(500_000),
    "\u001b[38;2;1;2;3mx\u001b[1;4;7m".repeat(40_000),
    "\u001b]8;;" + "a".repeat(1_000_000),
    "x".repeat(500_000) + "\r\u001b[250000C" + "\u001b[1K".repeat(100_000),
    "x".repeat(500_000) + "\u001b[2Ky".repeat(100_000),
    "x".repeat(1_000_000) + "\u001b[1m" + "y".repeat(1000),
  ];
  for (const line of lines) {
    const start = performance.now();
    ansiShow(line);
    assert.ok(performance.now() - start < 1500, `${JSON.stringify(line.slice(0, 12))} took too long`);
  }
});

test("every colour is readable on its background", () => {
  for (let n = 0; n < 256; n++) {
    const paint = ansiPaint(ansiShow(`\u001b[38;5;${n}mx`).spans[0]!.style);
    assert.ok(contrast(number(paint.light!), LIGHT) >= 4.5, `${n} light`);
    assert.ok(contrast(number(paint.dark!), DARK) >= 4.5, `${n} dark`);
    assert.ok(contrast(number(paint.light!), PAGE.light) >= 4.5, `${n} on the light page`);
    assert.ok(contrast(number(paint.dark!), PAGE.dark) >= 4.5, `${n} on the dark page`);
    for (const fg of [0, 1, 3, 7, 15]) {
      const both = ansiPaint(ansiShow(`\u001b[48;5;${n};38;5;${fg}mx`).spans[0]!.style);
      assert.ok(contrast(number(both.light!), number(both.ground!)) >= 4.5, `${fg} on ${n}`);
    }
  }
  assert.equal(readable(0x808080, 0x808080) === 0x808080, false);
});
