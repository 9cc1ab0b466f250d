// Bundles the web pages: node build.mjs FOLDER, where FOLDER/node_modules is; what the binary serves comes to lie in
// FOLDER/dist under the paths that it is asked for, with the hash of its content in its name.
//
// Four programs: the pages (ESM; what only some pages need are chunks loaded when they are shown), the login, which
// must share no file with the pages because it is served to whoever asks, the worker that keeps the event stream,
// and the choice of the theme, which comes before all that is drawn.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { defines } from "./defines.mjs";

const source = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2]);
const made = join(folder, "dist.new");
const esbuild = createRequire(join(folder, "/"))("esbuild");

const common = {
  absWorkingDir: source,
  bundle: true,
  minify: true,
  outdir: join(made, "assets"),
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  mainFields: ["module", "main"],
  nodePaths: [join(folder, "node_modules")],
  // The paths of tsconfig.json are for the type checker: by them a package would be found past what it says it exports.
  tsconfigRaw: {},
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
};

// The path under which the output of an entry is served.
function served(result, entry, kind) {
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    if (output.entryPoint === entry && path.endsWith(".js") && kind === "js") return `/assets/${basename(path)}`;
    if (output.entryPoint === entry && kind === "css" && output.cssBundle)
      return `/assets/${basename(output.cssBundle)}`;
  }
  throw new Error(`the build made no ${kind} of ${entry}`);
}

function icon(name) {
  const bytes = readFileSync(join(source, "style", "icon.svg"));
  const path = `/assets/${name}-${createHash("sha256").update(bytes).digest("hex").slice(0, 8)}.svg`;
  writeFileSync(join(made, path), bytes);
  return path;
}

function page(name, values) {
  const text = readFileSync(join(source, "src", name), "utf8");
  writeFileSync(
    join(made, name),
    text.replace(/%(\w+)%/g, (_, key) => {
      if (!(key in values)) throw new Error(`${name} names %${key}%, which the build doesn't make`);
      return values[key];
    }),
  );
}

rmSync(made, { recursive: true, force: true });
mkdirSync(join(made, "assets"), { recursive: true });

const worker = await esbuild.build({
  ...common,
  entryPoints: ["src/live/worker.ts"],
  format: "iife",
  entryNames: "stream-[hash]",
});
// Its name begins as the login's files do, because it too is served to whoever asks.
const theme = await esbuild.build({
  ...common,
  entryPoints: ["src/theme.ts"],
  format: "iife",
  entryNames: "login-theme-[hash]",
});
const login = await esbuild.build({ ...common, entryPoints: ["src/login.ts"], format: "iife" });
const main = await esbuild.build({
  ...common,
  entryPoints: ["src/main.tsx"],
  format: "esm",
  splitting: true,
  define: { STREAM_WORKER: JSON.stringify(served(worker, "src/live/worker.ts", "js")), ...defines(source) },
});

// What the program can't be run without is fetched beside it, not only when the browser has read it.
function preloads(result, entry) {
  const outputs = result.metafile.outputs;
  const first = Object.keys(outputs).find((path) => outputs[path].entryPoint === entry);
  const found = new Set([first]);
  for (const path of found)
    for (const { path: next, kind } of outputs[path].imports) if (kind === "import-statement") found.add(next);
  found.delete(first);
  return [...found].map((path) => `<link rel="modulepreload" href="/assets/${basename(path)}">`).join("\n");
}

const mark = icon("login-icon");
for (const [name, result, entry] of [
  ["index.html", main, "src/main.tsx"],
  ["login.html", login, "src/login.ts"],
])
  page(name, {
    script: served(result, entry, "js"),
    style: served(result, entry, "css"),
    preloads: preloads(result, entry),
    icon: mark,
    theme: served(theme, "src/theme.ts", "js"),
  });
// The first page's files are told apart from what is loaded later by the test of the budgets.
writeFileSync(join(folder, "bundle.json"), JSON.stringify(main.metafile));

rmSync(join(folder, "dist"), { recursive: true, force: true });
renameSync(made, join(folder, "dist"));
