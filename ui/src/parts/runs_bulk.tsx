// What can be done with the runs that are chosen: says how many before, and what became of each after.
import { useState } from "preact/hooks";
import { apiPost, problemFrom } from "../lib/api";
import { plural } from "../lib/format";
import { runApi } from "../lib/paths";
import { eachOf } from "../lib/run_list";
import type { Run } from "../lib/types";
import { heard } from "../live/store";
import { Confirm } from "./confirm";
import { toast } from "./toast";

interface RunsBulkProps {
  cancel: readonly Run[]; // of the chosen, those that can be
  rerun: readonly Run[];
  chosen: number;
  clear: () => void;
}

const AT_ONCE = 4;
const NAMED = 8;

interface Deed {
  verb: string; // "Cancel"
  done: string; // "cancelled"
  runs: readonly Run[];
  path: string;
  body: unknown;
  danger: boolean;
}

function Names({ runs }: { runs: readonly Run[] }) {
  return (
    <ul class="names">
      {runs.slice(0, NAMED).map((run) => (
        <li key={run.id}>
          {run.name} <span class="soft">{run.state}</span>
        </li>
      ))}
      {runs.length > NAMED && <li class="soft">and {plural(runs.length - NAMED, "more", "more")}</li>}
    </ul>
  );
}

async function deedDo(deed: Deed): Promise<void> {
  const refused: string[] = [];
  await eachOf(deed.runs, AT_ONCE, async (run) => {
    try {
      await apiPost(runApi(run.id, deed.path), deed.body);
    } catch (error) {
      refused.push(`${run.name}: ${problemFrom(error).detail}`);
    }
  });
  const done = deed.runs.length - refused.length;
  toast(`${plural(done, "run")} ${deed.done}${refused.length ? `, ${refused.length} refused: ${refused[0]}` : ""}`);
}

export function RunsBulk({ cancel, rerun, chosen, clear }: RunsBulkProps) {
  const [asked, askedSet] = useState<Deed | null>(null);
  if (chosen === 0) return null;
  const deeds: Deed[] = [
    { verb: "Rerun from what failed", done: "rerun", runs: rerun, path: "/rerun", body: { mode: "failed", version: "same" }, danger: false },
    { verb: "Cancel", done: "told to stop", runs: cancel, path: "/cancel", body: {}, danger: true },
  ];
  return (
    <div class="bulk" role="group" aria-label="The chosen runs">
      <span class="num">{plural(chosen, "run")} chosen</span>
      {deeds.map((deed) => (
        <button
          key={deed.verb}
          type="button"
          class={deed.danger ? "danger" : undefined}
          disabled={deed.runs.length === 0 || !heard.value}
          onClick={() => askedSet(deed)}
          data-testid={`bulk-${deed.danger ? "cancel" : "rerun"}`}
        >
          {deed.verb} ({deed.runs.length})
        </button>
      ))}
      <button type="button" class="plain" onClick={clear}>
        Choose none
      </button>
      {asked && (
        <Confirm
          title={`${asked.verb}: ${plural(asked.runs.length, "run")}`}
          action={`${asked.danger ? "Cancel" : "Rerun"} ${plural(asked.runs.length, "run")}`}
          danger={asked.danger}
          run={async () => {
            await deedDo(asked);
            clear();
          }}
          close={() => askedSet(null)}
        >
          <Names runs={asked.runs} />
          {!asked.danger && <p class="soft">Each in its own version; tasks that succeeded are kept.</p>}
        </Confirm>
      )}
    </div>
  );
}
