// The colours of the states are those of the design, and what is written in them can be read where it stands.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { stateLook } from "../src/lib/states";

declare const UI_SOURCE: string;

type Colours = Record<string, string>;

const text = readFileSync(join(UI_SOURCE, "style", "tokens.css"), "utf8");
const blocks = [...text.matchAll(/\{([^{}]*--page:[^{}]*)\}/g)].map(
  ([, block]): Colours => Object.fromEntries([...block!.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value])),
);
const [light, dark, system] = blocks as [Colours, Colours, Colours];

const TABLE: Record<string, [string, string]> = {
  succeeded: ["#1a7f37", "#3fb950"],
  failed: ["#cf222e", "#ff7b72"],
  timed_out: ["#cf222e", "#ff7b72"],
  lost: ["#cf222e", "#ff7b72"],
  running: ["#0969da", "#58a6ff"],
  retrying: ["#9a6700", "#d29922"],
  unreachable: ["#9a6700", "#d29922"],
  approval: ["#8250df", "#bc8cff"],
  queued: ["#57606a", "#8b949e"],
  waiting: ["#57606a", "#8b949e"],
  cancelled: ["#57606a", "#9ea7b3"],
  skipped: ["#656d76", "#8b949e"],
  upstream_failed: ["#656d76", "#8b949e"],
};

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

test("each state has the colour of the table, light and dark", () => {
  for (const [state, [day, night]] of Object.entries(TABLE)) {
    const { tone } = stateLook(state);
    assert.equal(light[tone], day, state);
    assert.equal(dark[tone], night, state);
  }
  assert.equal(stateLook("upstream_failed").edge, "bad");
});

test("dark by the system and dark by choice are the same", () => {
  assert.equal(blocks.length, 3);
  assert.deepEqual(system, dark);
});

test("every colour of a state can be read on all that it stands on", () => {
  for (const colours of [light, dark])
    for (const tone of ["good", "bad", "live", "warn", "ask", "wait", "still", "skip"])
      for (const ground of ["page", "panel", "hover", "chosen"]) {
        const found = contrast(colours[tone]!, colours[ground]!);
        assert.ok(found >= 4.5, `${tone} on ${ground}: ${found.toFixed(2)}`);
      }
});
