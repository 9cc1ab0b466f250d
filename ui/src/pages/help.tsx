// What the words and icons mean, which keys there are, and what a filter can say.
import { FILTER_KEYS, FILTER_STATES, FILTER_TRIGGERS } from "../lib/filter";
import { keysBound, keysOn, keysSwitch } from "../lib/keys";
import { runsHref } from "../lib/paths";
import { FIRING_OUTCOMES, RUN_STATES, type StateKind, TASK_STATES, stateLook, stateSentence } from "../lib/states";
import { Page } from "../parts/page";
import { StateIcon } from "../parts/state";
import { Tabs, tabNow } from "../parts/tabs";

function States({ heading, kind, states }: { heading: string; kind: StateKind; states: readonly string[] }) {
  return (
    <section class="section">
      <h2>{heading}</h2>
      <table class="table help-table">
        <tbody>
          {states.map((state) => (
            <tr key={state}>
              <td>
                <span class={`state tone-${stateLook(state).tone}`}>
                  <StateIcon state={state} />
                  {stateLook(state).words}
                </span>
              </td>
              <td>{stateSentence(state, kind)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Meanings() {
  return (
    <>
      <States heading="A run" kind="run" states={RUN_STATES} />
      <States heading="A task" kind="task" states={[...TASK_STATES, "retrying"]} />
      <States heading="A firing of a schedule" kind="firing" states={FIRING_OUTCOMES} />
      <States heading="A pipeline" kind="task" states={["paused", "broken"]} />
    </>
  );
}

// Beside those that are bound here, what the pages bind that have them.
const ELSEWHERE: readonly [string, string][] = [
  ["j k", "the next, the previous row of a list"],
  ["Enter", "open the row"],
  ["/", "the filter or the search of the page"],
  ["[ ]", "the previous, the next run"],
  ["f", "log: follow its end"],
  ["w", "log: wrap long lines"],
  ["t", "log: stamps off, relative, UTC, local"],
  ["n N", "log: the next, the previous match"],
  ["e", "log: the next error"],
  ["g g, G", "log: its begin, its end"],
];

function Keys() {
  const bound = keysBound.value.flat().filter((key) => !ELSEWHERE.some(([keys]) => keys.split(/[ ,]+/).includes(key.keys)));
  return (
    <>
      <p>
        <label class="check">
          <input type="checkbox" checked={keysOn.value} onChange={(event) => keysSwitch(event.currentTarget.checked)} />
          Single keys act on the page. They rest while an input has the focus.
        </label>
      </p>
      <table class="table help-table">
        <tbody>
          {[...bound.map((key): [string, string] => [key.keys, key.text]), ...ELSEWHERE].map(([keys, text]) => (
            <tr key={keys + text}>
              <td>
                <kbd>{keys}</kbd>
              </td>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

const EXAMPLES: readonly [string, string][] = [
  ["state:failed started:>-24h", "what failed in the last day"],
  ["state:failed task:eval", "runs in which a task eval failed"],
  ["p:forecast/* dur:>10m", "runs of those pipelines that took more than ten minutes"],
  ["trigger:manual started:2026-11-28", "what was started by hand on that day (UTC)"],
  ["param.lr:>0.01 tag:gpu", "by the value of a parameter, and a tag of the pipeline"],
  ['"out of memory"', "a text in the name, the reason, the parameters, who started it, or a note"],
];

function FilterHelp() {
  return (
    <>
      <p>
        Terms are separated by spaces and must all hold; alternatives within one by commas. A value with spaces stands in
        double quotes. <code>rota runs</code> takes the same line.
      </p>
      <table class="table help-table">
        <tbody>
          {FILTER_KEYS.map((key) => (
            <tr key={key.key}>
              <td>
                <code>{key.key.endsWith(".") ? `${key.key}NAME:` : `${key.key}:`}</code>
              </td>
              <td>
                {key.help}
                {key.key === "state" && `: ${FILTER_STATES.join(", ")}`}
                {key.key === "trigger" && `: ${FILTER_TRIGGERS.join(", ")}`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <section class="section">
        <h2>Examples</h2>
        <table class="table help-table">
          <tbody>
            {EXAMPLES.map(([line, text]) => (
              <tr key={line}>
                <td>
                  <a href={runsHref(line)}>
                    <code>{line}</code>
                  </a>
                </td>
                <td>{text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

const TABS = [
  { id: "states", words: "States" },
  { id: "keys", words: "Keys" },
  { id: "filter", words: "Filter" },
] as const;

export default function HelpPage() {
  const open = tabNow(TABS.map((tab) => tab.id));
  return (
    <Page title="Help" below={<Tabs label="Help" tabs={TABS} open={open} />}>
      {open === "states" && <Meanings />}
      {open === "keys" && <Keys />}
      {open === "filter" && <FilterHelp />}
    </Page>
  );
}
