// The versions of a pipeline's file, and what changed from one to the next or between any two.
import { shortSha } from "../lib/format";
import { pipelineApi } from "../lib/paths";
import { hrefWith, place, queryPut } from "../lib/router";
import type { Page, Version } from "../lib/types";
import { ofPipeline, useResource } from "../live/resource";
import { CopyButton } from "./copy";
import { Later } from "./later";
import { MoreButton, useMore } from "./more";
import { Empty, Loaded } from "./notice";
import { type Column, Table } from "./table";
import { Time } from "./time";

function columns(open: string): Column<Version>[] {
  return [
    {
      id: "version",
      head: "Version",
      cell: (v) => (
        <a class="mono" href={hrefWith({ v: v.version, with: null })} aria-current={v.version === open ? "true" : undefined}>
          {shortSha(v.version)}
        </a>
      ),
    },
    { id: "at", head: "In force since", cell: (v) => <Time at={v.created_at} form="long" /> },
    { id: "lines", head: "Lines", end: true, cell: (v) => <span class="num">{v.text.split("\n").length - 1}</span> },
    { id: "now", head: <span class="unseen">In force now</span>, grow: true, cell: (v) => (v.in_force ? <span class="tag good">in force</span> : null) },
  ];
}

function Text({ version }: { version: Version }) {
  return (
    <pre class="source" tabIndex={0} aria-label={`The text of version ${shortSha(version.version)}`}>
      {version.text}
    </pre>
  );
}

interface ChosenProps {
  versions: Version[];
  chosen: Version;
}

function Chosen({ versions, chosen }: ChosenProps) {
  const before = versions[versions.indexOf(chosen) + 1];
  const asked = place.value.query.get("with") ?? before?.version ?? "";
  const other = versions.find((v) => v.version === asked) ?? null;
  return (
    <section class="section" aria-label="The chosen version">
      <header class="section-head">
        <h2>
          {other ? "What changed in" : "The text of"} <span class="mono">{shortSha(chosen.version)}</span>
        </h2>
        <span class="actions">
          <label>
            compared with{" "}
            <select value={other?.version ?? "text"} onChange={(event) => queryPut({ with: event.currentTarget.value })}>
              <option value="text">nothing: its text</option>
              {versions.map(
                (v) =>
                  v !== chosen && (
                    <option key={v.version} value={v.version}>
                      {shortSha(v.version)}
                      {v === before ? ", the one before" : ""}
                    </option>
                  ),
              )}
            </select>
          </label>
          <CopyButton text={chosen.text} words="Copy its text" />
        </span>
      </header>
      {other ? (
        <Later>
          {({ TextDiff }) => (
            <TextDiff a={other.text} b={chosen.text} label={`from ${shortSha(other.version)} to ${shortSha(chosen.version)}`} />
          )}
        </Later>
      ) : (
        <Text version={chosen} />
      )}
    </section>
  );
}

function Known({ first, url }: { first: Page<Version>; url: string }) {
  const more = useMore(first, url, (v) => v.version);
  const chosen = more.items.find((v) => v.version === place.value.query.get("v")) ?? more.items[0];
  if (!chosen) return <Empty title="No version of this file was ever in force." />;
  return (
    <>
      <Table label="Versions" columns={columns(chosen.version)} rows={more.items} keyOf={(v) => v.version} />
      <MoreButton of={more} words="Older versions" />
      <Chosen versions={more.items} chosen={chosen} />
    </>
  );
}

export function PipelineVersions({ name }: { name: string }) {
  const versions = useResource<Page<Version>>(pipelineApi(name, "/versions"), ofPipeline(name));
  return <Loaded of={versions}>{(first) => <Known first={first} url={pipelineApi(name, "/versions")} />}</Loaded>;
}
