// The filter line of runs: one line of text that is the whole filter, with what may come next under it. `rota runs`
// takes the same line.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { type FilterKnown, type Suggestion, filterSuggest } from "../lib/filter";
import { useKeys } from "./use_keys";

interface FilterLineProps {
  value: string; // in force
  known: FilterKnown;
  wrong: boolean; // the daemon couldn't read what is in force
  put: (line: string) => void;
}

export function FilterLine({ value, known, wrong, put }: FilterLineProps) {
  const input = useRef<HTMLInputElement>(null);
  const [line, lineSet] = useState(value);
  const [offers, offersSet] = useState<Suggestion[]>([]);
  const [at, atSet] = useState(-1);
  const id = useId();
  useEffect(() => lineSet(value), [value]);
  useKeys([{ keys: "/", text: "filter the runs", run: () => input.current?.focus() }]);

  const offer = (): void => {
    const box = input.current;
    if (!box) return;
    offersSet(filterSuggest(box.value, box.selectionStart ?? box.value.length, known));
    atSet(-1);
  };
  const take = (chosen: Suggestion): void => {
    const box = input.current;
    if (!box) return;
    const next = line.slice(0, chosen.start) + chosen.text + line.slice(chosen.end);
    const caret = chosen.start + chosen.text.length;
    lineSet(next);
    requestAnimationFrame(() => {
      box.focus();
      box.setSelectionRange(caret, caret);
      offersSet(/[:.]$/.test(chosen.text) ? filterSuggest(next, caret, known) : []);
      atSet(-1);
    });
  };
  const send = (): void => {
    offersSet([]);
    put(line.trim());
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (offers.length === 0) return offer();
      const by = event.key === "ArrowDown" ? 1 : -1;
      atSet((at + by + offers.length + 1) % (offers.length + 1) || (by > 0 ? 0 : offers.length - 1));
    } else if (event.key === "Escape" && offers.length > 0) {
      offersSet([]);
    } else if (event.key === "Enter") {
      const chosen = offers[at];
      if (chosen) take(chosen);
      else send();
    } else return;
    event.preventDefault();
  };

  return (
    <div class="filter" role="search">
      <input
        ref={input}
        role="combobox"
        aria-label="Filter of runs"
        aria-expanded={offers.length > 0}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
        aria-invalid={wrong}
        placeholder="state:failed p:nightly* started:>-24h"
        spellcheck={false}
        autocomplete="off"
        data-testid="filter"
        value={line}
        onInput={(event) => {
          lineSet(event.currentTarget.value);
          offer();
        }}
        onFocus={offer}
        onBlur={() => offersSet([])}
        onKeyDown={press}
      />
      <ul id={id} role="listbox" aria-label="What may come next" class="filter-offers" hidden={offers.length === 0}>
        {offers.map((o, i) => (
          <li
            key={o.text}
            id={`${id}-${i}`}
            role="option"
            aria-selected={i === at}
            onPointerDown={(event) => {
              event.preventDefault(); // the line keeps the focus
              take(o);
            }}
          >
            <code>{o.text}</code>
            <span class="soft cut">{o.help}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
