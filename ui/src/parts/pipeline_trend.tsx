// How long the last runs took, and each task usually takes.
import { pipelineApi } from "../lib/paths";
import type { Trend } from "../lib/types";
import { ofPipeline, useResource } from "../live/resource";
import { Later } from "./later";
import { Loaded } from "./notice";
import { type Column, Table } from "./table";
import { Duration } from "./time";

type Row = Trend["tasks"][number];

const COLUMNS: readonly Column<Row>[] = [
  { id: "usual", head: "Usually takes", end: true, cell: (t) => <Duration ms={t.usual_ms} /> },
  { id: "task", head: "Task", grow: true, cell: (t) => t.task },
];

export function PipelineTrend({ name }: { name: string }) {
  const trend = useResource<Trend>(pipelineApi(name, "/trend?runs=100"), ofPipeline(name));
  return (
    <Loaded of={trend}>
      {(data) => (
        <>
          <Later>{({ TrendChart }) => <TrendChart runs={data.runs} median={data.median_ms} />}</Later>
          <section class="section" aria-label="Tasks">
            <h2>Tasks</h2>
            <Table label="Usual durations of tasks" columns={COLUMNS} rows={data.tasks} keyOf={(t) => t.task} walk={false} />
          </section>
        </>
      )}
    </Loaded>
  );
}
