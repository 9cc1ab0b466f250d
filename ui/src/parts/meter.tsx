// How far something is, as a bar of one line with its words.
interface MeterProps {
  part: number; // 0 to 1
  words: string;
  over?: boolean; // longer than usual
}

export function Meter({ part, words, over }: MeterProps) {
  return (
    <span class={over ? "meter over" : "meter"}>
      <span class="meter-track" aria-hidden="true">
        <i style={{ width: `${Math.round(Math.min(1, Math.max(0, part)) * 100)}%` }} />
      </span>
      <span class="num">{words}</span>
    </span>
  );
}
