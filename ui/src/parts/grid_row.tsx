// A row of the grid: the task's name, and a cell for each run. The state of a cell is told by shape, letter and colour.

import { Component } from "preact";
import { type GridData, type GridRow as Row, type GridRun, type RowCell, gridRowCell } from "../lib/grid";
import { taskHref } from "../lib/paths";
import { stateLook } from "../lib/states";

/** What stands in a cell's shape. */
const LETTERS: Record<string, string> = {
  waiting: "W", queued: "W", starting: "R", running: "R", stopping: "P", cancelling: "P", unreachable: "U", succeeded: "✓",
  failed: "F", timed_out: "T", lost: "L", cancelled: "C", skipped: "–", upstream_failed: "↑",
};

export const letterOf = (state: string): string => LETTERS[state] ?? "?";
export const stateWord = (state: string): string => stateLook(state).words;
/** The classes of a shape with its colour, as style/grid.css has them. */
export function lookClass(state: string): string {
  const { shape, tone, edge } = stateLook(state);
  return `shape-${shape} tone-${tone}${edge ? ` edge-${edge}` : ""}`;
}

export function cellText(cell: RowCell): string {
  if (cell.state === null) return "not in this run";
  const count = cell.of > 1 ? `${cell.same} of ${cell.of} ` : "";
  return `${count}${stateWord(cell.state)}${cell.again ? ", more than one attempt" : ""}`;
}

export function cellHref(data: GridData, run: GridRun, cell: RowCell): string {
  return taskHref(run.id, data.tasks[cell.task]!.label);
}

export interface GridRowProps {
  data: GridData;
  runs: GridRun[]; // oldest first
  row: Row;
  index: number;
  base: string; // ids of cells begin with it
}

export class GridRow extends Component<GridRowProps> {
  override shouldComponentUpdate(next: GridRowProps): boolean {
    const { data, row, index } = this.props;
    return data !== next.data || row !== next.row || index !== next.index;
  }

  override render({ data, runs, row, index, base }: GridRowProps) {
    const matrix = row.kind === "matrix";
    return (
      <div class={`grid-row grid-${row.kind}`} role="row" aria-rowindex={index + 2}>
        <div class="grid-name" role="rowheader" title={row.label} style={{ paddingInlineStart: `${row.kind === "instance" ? 28 : 8}px` }}>
          {matrix ? (
            <button type="button" class="grid-fold" aria-expanded={row.open} data-matrix={row.name} tabIndex={-1}>
              <span>{row.label}</span> <small>×{row.tasks.length}</small>
            </button>
          ) : (
            <span>{row.label}</span>
          )}
        </div>
        {runs.map((run, column) => {
          const cell = gridRowCell(row, run.cells);
          return (
            <div class="grid-cell" role="gridcell" id={`${base}-${index}-${column}`} aria-colindex={column + 2}>
              {cell.state !== null && (
                <a
                  class={`cell ${lookClass(cell.state)}${cell.again ? " again" : ""}`} href={cellHref(data, run, cell)} tabIndex={-1}
                  data-letter={letterOf(cell.state)} aria-label={`${row.label}, run ${run.number}: ${cellText(cell)}`}
                />
              )}
            </div>
          );
        })}
      </div>
    );
  }
}
