// A task's summary, or a `doc`, shown. Whatever it holds ends up in text nodes: no HTML, no address to load or to follow.
import { type ComponentChildren, h } from "preact";
import { useMemo } from "preact/hooks";
import type { Block, Inline } from "../lib/markdown";
import { markdownBlocks } from "../lib/markdown";

export function Words({ inline }: { inline: Inline[] }) {
  return (
    <>
      {inline.map(({ kind, text }) => {
        if (kind === "code") return <code>{text}</code>;
        if (kind === "strong") return <strong>{text}</strong>;
        return kind === "em" ? <em>{text}</em> : text;
      })}
    </>
  );
}

// A page has its own first and second headings; those of a summary begin below them.
function Heading({ level, children }: { level: number; children: ComponentChildren }) {
  return h(`h${Math.min(6, level + 2)}`, null, children);
}

function Table({ block }: { block: Extract<Block, { kind: "table" }> }) {
  const side = (i: number) => (block.align[i] ? `to-${block.align[i]}` : undefined);
  return (
    <div class="wide" tabIndex={0} role="region" aria-label="table">
      <table>
        <thead>
          <tr>
            {block.head.map((cell, i) => (
              <th scope="col" class={side(i)}>
                <Words inline={cell} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {block.rows.map((row) => (
            <tr>
              {row.map((cell, i) => (
                <td class={side(i)}>
                  <Words inline={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function List({ block }: { block: Extract<Block, { kind: "list" }> }) {
  const items = block.items.map(({ depth, inline }) => (
    <li class={depth ? `deep-${depth}` : undefined}>
      <Words inline={inline} />
    </li>
  ));
  return block.ordered ? <ol start={block.start}>{items}</ol> : <ul>{items}</ul>;
}

function Shown({ block }: { block: Block }) {
  switch (block.kind) {
    case "heading":
      return (
        <Heading level={block.level}>
          <Words inline={block.inline} />
        </Heading>
      );
    case "code":
      return (
        <pre tabIndex={0}>
          <code>{block.text}</code>
        </pre>
      );
    case "rule":
      return <hr />;
    case "list":
      return <List block={block} />;
    case "table":
      return <Table block={block} />;
    default:
      return (
        <p>
          <Words inline={block.inline} />
        </p>
      );
  }
}

export function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => markdownBlocks(text), [text]);
  return (
    <div class="markdown">
      {blocks.map((block, i) => (
        <Shown key={i} block={block} />
      ))}
    </div>
  );
}
