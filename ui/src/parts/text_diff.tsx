// Two texts, such as two versions of a pipeline's file, as the lines that differ with a few around them.
import { structuredPatch } from "diff";
import { useMemo } from "preact/hooks";

type Kind = "added" | "removed" | "same";

interface DiffLine {
  kind: Kind;
  a: number | null;
  b: number | null;
  text: string;
}

interface Hunk {
  oldStart: number;
  newStart: number;
  lines: string[];
}

// A hunk's lines begin with "+", "-" or " "; a line "\ No newline at end of file" is none.
function hunkLines(hunk: Hunk): DiffLine[] {
  let a = hunk.oldStart;
  let b = hunk.newStart;
  const out: DiffLine[] = [];
  for (const line of hunk.lines) {
    const text = line.slice(1);
    if (line[0] === "+") out.push({ kind: "added", a: null, b: b++, text });
    else if (line[0] === "-") out.push({ kind: "removed", a: a++, b: null, text });
    else if (line[0] === " ") out.push({ kind: "same", a: a++, b: b++, text });
  }
  return out;
}

// null if it would take too long to say.
function hunksOf(a: string, b: string): DiffLine[][] | null {
  const patch = structuredPatch("a", "b", a, b, undefined, undefined, { context: 3, timeout: 1000 });
  return patch ? patch.hunks.map(hunkLines) : null;
}

const SIGNS: Record<Kind, string> = { added: "+", removed: "−", same: " " };

export function TextDiff({ a, b, label }: { a: string; b: string; label: string }) {
  const hunks = useMemo(() => hunksOf(a, b), [a, b]);
  if (!hunks) return <p>The two texts differ in too much to be compared line by line.</p>;
  if (hunks.length === 0) return <p class="soft">The texts are the same.</p>;
  return (
    <div class="wide diff" tabIndex={0} role="region" aria-label={label} data-testid="diff">
      <table>
        <tbody>
          {hunks.map((hunk, i) => [
            i > 0 && (
              <tr class="diff-gap">
                <td colSpan={4}>⋯</td>
              </tr>
            ),
            ...hunk.map((line) => (
              <tr class={`diff-${line.kind}`}>
                <td class="line-number">{line.a}</td>
                <td class="line-number">{line.b}</td>
                <td class="diff-sign">{SIGNS[line.kind]}</td>
                <td class="line-text">{line.text}</td>
              </tr>
            )),
          ])}
        </tbody>
      </table>
    </div>
  );
}
