// What differs between two values, side by side: a row for each path. Told by sign as well as by colour.

import { valueText } from "../lib/format";
import { type ValueChange, valueDiff } from "../lib/value_diff";

const SIGNS = { added: "+", removed: "−", changed: "±" } as const;
const MOST = 200;

export interface ChangeTableProps {
  /** Names with both values; undefined means: not there. */
  values: { name: string; a: unknown; b: unknown }[];
  a: string; // what the sides are called
  b: string;
}

function Value({ value }: { value: unknown }) {
  return value === undefined ? <span class="change-none">none</span> : <code>{valueText(value)}</code>;
}

export function ChangeTable({ values, a, b }: ChangeTableProps) {
  const changes = values.flatMap(({ name, a: left, b: right }) =>
    valueDiff(left, right).map((c): ValueChange => ({ ...c, path: c.path === "" ? name : c.path.startsWith("[") ? name + c.path : `${name}.${c.path}` })),
  );
  if (changes.length === 0) return <p class="change-same">No difference.</p>;
  return (
    <div class="change-box">
      <table class="table change">
        <thead>
          <tr><th><span class="unseen">kind</span></th><th>What</th><th>{a}</th><th>{b}</th></tr>
        </thead>
        <tbody>
          {changes.slice(0, MOST).map((c) => (
            <tr key={c.path} class={`change-${c.kind}`}>
              <td title={c.kind} aria-label={c.kind}>{SIGNS[c.kind]}</td>
              <th scope="row">{c.path}</th>
              <td><Value value={c.a} /></td>
              <td><Value value={c.b} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      {changes.length > MOST && <p>{changes.length - MOST} more differences aren't shown.</p>}
    </div>
  );
}
