// The first-error cards of a run: for each way in which it went wrong what happened, the line that says so above the
// last lines of the log, whether anything still runs, and what is safe to do next.
import { useState } from "preact/hooks";
import { inlineOf } from "../lib/markdown";
import { hostHref, taskHref } from "../lib/paths";
import { lineHref } from "../lib/run";
import type { FailureCard as Card } from "../lib/types";
import { Words } from "./markdown";
import { State } from "./state";
import { Time } from "./time";

interface Props {
  run: string;
  card: Card;
  onRerun: (() => void) | null;
}

function Same({ run, card }: { run: string; card: Card }) {
  const [open, setOpen] = useState(false);
  if (card.same < 2) return null;
  const others = card.same_labels.filter((label) => label !== card.label);
  const left = card.same - 1 - others.length;
  return (
    <div class="card-same">
      <button type="button" class="plain" aria-expanded={open} onClick={() => setOpen(!open)} data-testid="same">
        {card.same - 1} more the same way
      </button>
      {open && (
        <ul class="labels">
          {others.map((label) => (
            <li key={label}>
              <a href={taskHref(run, label)}>{label}</a>
            </li>
          ))}
          {left > 0 && <li class="soft">and {left} others</li>}
        </ul>
      )}
    </div>
  );
}

function Tail({ run, card }: { run: string; card: Card }) {
  const { label, attempt, error, tail } = card;
  if (!label) return null;
  const shown = error && !tail.some((line) => line.n === error.line);
  return (
    <div class="card-log" data-testid="card-log">
      {error && shown && (
        <a class="card-error" href={lineHref(run, label, attempt, error.line)} data-testid="error-line">
          <span class="line-number">{error.line + 1}</span>
          <span class="line-text">{error.text}</span>
        </a>
      )}
      {tail.length > 0 ? (
        <ol class="lines">
          {tail.map((line) => (
            <li key={line.n} class={error?.line === line.n ? "hit" : undefined}>
              <a
                class="line-number"
                href={lineHref(run, label, attempt, line.n)}
                aria-label={`line ${line.n + 1}`}
                data-testid={error?.line === line.n ? "error-line" : undefined}
              >
                {line.n + 1}
              </a>
              <span class="line-text">{line.text}</span>
            </li>
          ))}
        </ol>
      ) : (
        <p class="soft">It wrote nothing to its log.</p>
      )}
    </div>
  );
}

function Head({ run, card }: { run: string; card: Card }) {
  return (
    <header class="card-head">
      <State state={card.kind} />
      <h2>
        {card.label ? <a href={taskHref(run, card.label)}>{card.label}</a> : card.kind}: <span>{card.words}</span>
      </h2>
      <p class="soft">
        {card.attempt !== null && <>attempt {card.attempt} </>}
        {card.host && (
          <>
            on <a href={hostHref(card.host)}>{card.host}</a>{" "}
          </>
        )}
        {card.kind === "unreachable" && "since "}
        {card.at && <Time at={card.at} />}
      </p>
    </header>
  );
}

function FailureCard({ run, card, onRerun }: Props) {
  return (
    <section class={`card failure ${card.kind}`} data-testid="failure-card" aria-label={card.label ?? card.kind}>
      <Head run={run} card={card} />
      <Tail run={run} card={card} />
      <div class="card-foot">
        {card.running && <p>{card.running}</p>}
        {card.next.length > 0 && (
          <ul class="steps" aria-label="What to do next">
            {card.next.map((step) => (
              <li key={step}>
                <Words inline={inlineOf(step)} />
              </li>
            ))}
          </ul>
        )}
        <Same run={run} card={card} />
        <div class="card-actions">
          {onRerun && (
            <button type="button" class="primary" onClick={onRerun} data-testid="card-rerun">
              Rerun…
            </button>
          )}
          {card.label && (
            <a class="button" href={lineHref(run, card.label, card.attempt, card.error?.line ?? null)}>
              Whole log
            </a>
          )}
        </div>
      </div>
    </section>
  );
}

const SHOWN = 3;

// The first cards; many ways of failing at once are rare, and the first one matters most.
export function FailureCards({ run, cards, onRerun }: { run: string; cards: Card[]; onRerun: (() => void) | null }) {
  const [all, allSet] = useState(false);
  if (cards.length === 0) return null;
  const shown = all ? cards : cards.slice(0, SHOWN);
  return (
    <div class="cards">
      {shown.map((card) => (
        <FailureCard key={`${card.label} ${card.attempt} ${card.kind}`} run={run} card={card} onRerun={onRerun} />
      ))}
      {shown.length < cards.length && (
        <button type="button" onClick={() => allSet(true)}>
          {cards.length - shown.length} more
        </button>
      )}
    </div>
  );
}
