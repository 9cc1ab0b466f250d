// What the pages have from the daemon's source: the states with their sentences.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export function defines(source) {
  const text = readFileSync(join(source, "..", "scheduler", "engine", "states.h"), "utf8");
  const list = (name) => {
    const begin = text.indexOf(`#define ${name}(X)`);
    const body = text.slice(begin).split(/[^\\]\n/, 1)[0] + text.slice(begin).match(/[^\\](?=\n)/)[0];
    const rows = [...body.matchAll(/X\(\w+, "(\w+)",\s*"([^"]*)"\)/g)].map((row) => [row[1], row[2]]);
    if (begin < 0 || rows.length === 0) throw new Error(`states.h has no ${name} that can be read`);
    return Object.fromEntries(rows);
  };
  const sentences = { run: list("RUN_STATE_LIST"), task: list("TASK_STATE_LIST"), firing: list("FIRING_LIST") };
  return { STATE_SENTENCES: JSON.stringify(sentences) };
}
