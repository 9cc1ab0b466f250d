import type { RefObject } from "preact";
import { useLayoutEffect, useMemo, useReducer } from "preact/hooks";
import { Scroll } from "../lib/scroll";

/** Which rows of a scrolling list are in sight, under a head of `head` pixels that stays. Draws anew when that changes. */
export function useSight(list: RefObject<HTMLElement | null>, count: number, row: number, head: number): { scroll: Scroll; onScroll: () => void } {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const scroll = useMemo(() => new Scroll(row), [row]);
  useLayoutEffect(() => {
    const el = list.current!;
    const fit = (): void => {
      scroll.resize(count, el.clientHeight - head);
      scroll.moved(el.scrollTop);
      draw(undefined);
    };
    const sized = new ResizeObserver(fit);
    sized.observe(el);
    fit();
    return () => sized.disconnect();
  }, [count, scroll]);
  const onScroll = (): void => {
    scroll.moved(list.current!.scrollTop);
    draw(undefined);
  };
  return { scroll, onScroll };
}
