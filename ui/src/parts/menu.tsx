// A button that opens a list of actions: arrows walk it, Escape and a click elsewhere close it.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

export interface Action {
  words: string;
  run: () => void;
  danger?: boolean;
  disabled?: boolean;
}

interface MenuProps {
  words: ComponentChildren;
  label?: string; // if the words are a sign alone
  actions: readonly Action[];
}

export function Menu({ words, label, actions }: MenuProps) {
  const [open, openSet] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const items = (): HTMLButtonElement[] => [...(box.current?.querySelectorAll<HTMLButtonElement>("[role=menuitem]") ?? [])];

  useEffect(() => {
    if (!open) return undefined;
    const button = box.current!.getBoundingClientRect();
    const at = list.current!;
    // Fixed, so that no box that scrolls cuts it off; above the button where there is no room below.
    const below = button.bottom + 2 + at.offsetHeight < innerHeight;
    at.style.top = `${below ? button.bottom + 2 : button.top - 2 - at.offsetHeight}px`;
    at.style.left = `${Math.max(4, Math.min(button.right, innerWidth - 4) - at.offsetWidth)}px`;
    items()[0]?.focus({ preventScroll: true });
    const close = (event: Event): void => {
      if (!box.current?.contains(event.target as Node)) openSet(false);
    };
    const leave = (): void => openSet(false);
    addEventListener("pointerdown", close);
    addEventListener("scroll", leave, true);
    return () => {
      removeEventListener("pointerdown", close);
      removeEventListener("scroll", leave, true);
    };
  }, [open]);

  const press = (event: KeyboardEvent): void => {
    if (!open) return;
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === "ArrowDown") all[(at + 1) % all.length]?.focus();
    else if (event.key === "ArrowUp") all[(at - 1 + all.length) % all.length]?.focus();
    else if (event.key === "Escape") {
      openSet(false);
      box.current?.querySelector("button")?.focus();
    } else {
      if (event.key === "Tab") openSet(false);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div class="menu" ref={box} onKeyDown={press}>
      <button type="button" aria-haspopup="menu" aria-expanded={open} aria-controls={id} aria-label={label} onClick={() => openSet(!open)}>
        {words}
        <span class="chevron" aria-hidden="true" />
      </button>
      <div id={id} ref={list} role="menu" class="menu-list" hidden={!open}>
        {actions.map((action) => (
          <button
            key={action.words}
            type="button"
            role="menuitem"
            class={action.danger ? "danger" : undefined}
            disabled={action.disabled}
            onClick={() => {
              openSet(false);
              action.run();
            }}
          >
            {action.words}
          </button>
        ))}
      </div>
    </div>
  );
}
