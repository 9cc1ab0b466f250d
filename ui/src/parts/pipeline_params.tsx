// The parameters of a pipeline: their types, bounds and defaults.
import { valueText } from "../lib/format";
import { type ParamSpec, paramBounds } from "../lib/params";
import type { ParamDefinition } from "../lib/types";
import { Empty } from "./notice";
import { type Column, Table } from "./table";

type Row = ParamDefinition & { name: string };

const COLUMNS: readonly Column<Row>[] = [
  { id: "name", head: "Name", cell: (p) => <span class="mono">{p.name}</span> },
  { id: "type", head: "Type", cell: (p) => (p.values ? `one of ${p.values.join(", ")}` : paramBounds(p as ParamSpec)) },
  {
    id: "default",
    head: "Default",
    cell: (p) => (p.default === undefined ? <span class="tag warn">must be given</span> : <span class="mono">{valueText(p.default)}</span>),
  },
  { id: "help", head: "What it is for", grow: true, hide: "phone", cell: (p) => p.help ?? "" },
];

export function PipelineParams({ params }: { params: { [name: string]: ParamDefinition } | undefined }) {
  const rows = Object.entries(params ?? {}).map(([name, p]) => ({ ...p, name }));
  if (rows.length === 0) return <Empty title="This pipeline has no parameters." />;
  return <Table label="Parameters" columns={COLUMNS} rows={rows} keyOf={(p) => p.name} walk={false} />;
}
