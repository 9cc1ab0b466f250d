// Tabs of a page. They are links: which one is open is in the address, as `tab`.
import { hrefWith, place } from "../lib/router";

interface TabsProps {
  tabs: readonly { id: string; words: string; count?: number }[];
  label: string;
  open: string;
}

export function tabNow(ids: readonly string[]): string {
  const asked = place.value.query.get("tab");
  return asked && ids.includes(asked) ? asked : ids[0]!;
}

export function Tabs({ tabs, label, open }: TabsProps) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab, i) => (
        <a
          key={tab.id}
          href={hrefWith({ tab: i === 0 ? null : tab.id })}
          aria-current={tab.id === open ? "page" : undefined}
          data-testid={`tab-${tab.id}`}
        >
          {tab.words}
          {tab.count !== undefined && <span class="count">{tab.count}</span>}
        </a>
      ))}
    </nav>
  );
}
