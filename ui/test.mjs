#!/usr/bin/env node
// Runs the tests of the pages' pure parts under node: test.mjs [FOLDER [NAME]], as build.mjs has FOLDER; build/ui if it
// isn't given. Each file of ui/test becomes a program of its own, for node 18 reads no TypeScript. Prints TAP.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { defines } from "./defines.mjs";

const source = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? join(source, "..", "build", "ui"));
const esbuild = createRequire(join(folder, "/"))("esbuild");
const out = join(folder, "test");

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const wanted = process.argv[3] ?? "";
const files = readdirSync(join(source, "test")).filter((f) => /\.test\.tsx?$/.test(f) && f.includes(wanted));
await esbuild.build({
  absWorkingDir: source,
  entryPoints: files.map((f) => `test/${f}`),
  bundle: true,
  platform: "node",
  mainFields: ["module", "main"],
  format: "esm",
  outdir: out,
  outExtension: { ".js": ".mjs" },
  nodePaths: [join(folder, "node_modules")],
  jsx: "automatic",
  jsxImportSource: "preact",
  define: { ...defines(source), STREAM_WORKER: '"/assets/stream.js"', UI_FOLDER: JSON.stringify(folder), UI_SOURCE: JSON.stringify(source) },
  logLevel: "warning",
});
// One after the other: some of them measure how long something takes.
let status = 0;
for (const file of files) {
  const program = join(out, file.replace(/\.tsx?$/, ".mjs"));
  const ran = spawnSync(process.execPath, ["--test-reporter=tap", program], { stdio: "inherit" });
  if (ran.status !== 0) status = 1;
}
process.exit(status);
