// What the pages weigh, as they are sent: everybody's first page, and all of it.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

declare const UI_FOLDER: string;

interface Output {
  entryPoint?: string;
  cssBundle?: string;
  imports: { path: string; kind: string }[];
}

const KIB = 1024;
const assets = join(UI_FOLDER, "dist", "assets");
const { outputs } = JSON.parse(readFileSync(join(UI_FOLDER, "bundle.json"), "utf8")) as { outputs: Record<string, Output> };
const weight = (file: string): number => gzipSync(readFileSync(join(assets, basename(file))), { level: 9 }).length;

// A file and all that it can't be run without.
function needs(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  for (const { path: next, kind } of outputs[path]!.imports) if (kind === "import-statement") needs(next, found);
  return found;
}

const entry = (source: string): string => Object.keys(outputs).find((path) => outputs[path]!.entryPoint === source)!;

function total(files: Iterable<string>): number {
  let sum = 0;
  for (const file of files) sum += weight(file);
  return sum;
}

test("the first page, whichever it is, needs at most 70 KB", () => {
  const main = entry("src/main.tsx");
  const files = new Set([...needs(main), outputs[main]!.cssBundle!]);
  const sum = total(files);
  console.log(`# first page: ${(sum / KIB).toFixed(1)} KB in ${files.size} files`);
  assert.ok(sum <= 70 * KIB, `${sum} bytes`);
});

test("there are few files, for each costs a request", () => {
  assert.ok(needs(entry("src/main.tsx")).size <= 4);
  assert.ok(readdirSync(assets).length <= 14);
});

test("all of it needs at most 150 KB", () => {
  const sum = total(readdirSync(assets));
  console.log(`# all: ${(sum / KIB).toFixed(1)} KB in ${readdirSync(assets).length} files`);
  assert.ok(sum <= 150 * KIB, `${sum} bytes`);
});
