// Tables that become cards where there is little room, and lists that do not move under the pointer.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface Column<T> {
  name: string;
  cell: (item: T) => ComponentChildren;
  kind?: "number" | "wide" | "title" | "choose";
  /** In place of the name. */
  head?: ComponentChildren;
}

export function Table<T>({ columns, items, id, label }: {
  columns: Column<T>[];
  items: T[];
  id: (item: T) => string | number;
  label: string;
}) {
  return (
    <table class="rows" aria-label={label}>
      <thead>
        <tr>{columns.map((column) => <th key={column.name} scope="col" class={column.kind ?? ""}>{column.head ?? column.name}</th>)}</tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={id(item)}>
            {columns.map((column) => (
              <td key={column.name} data-name={column.name} class={column.kind ?? ""}>{column.cell(item)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/**
 * The items of a list that goes on changing. While the pointer or the keyboard is in it, rows stay where they are:
 * what is there is brought up to date, what is new waits until it is asked for.
 */
export function useStill<T>(items: T[], id: (item: T) => string | number, key: string) {
  const [isHeld, hold] = useState(false);
  const shown = useRef<{ key: string; order: (string | number)[] }>({ key, order: [] });
  const news = new Map(items.map((item) => [id(item), item]));
  const old = useRef(new Map<string | number, T>());
  const isOther = shown.current.key !== key || shown.current.order.length === 0;
  if (!isHeld || isOther) {
    shown.current = { key, order: items.map(id) };
    old.current = news;
  }
  const kept: T[] = [];
  for (const one of shown.current.order) {
    const item = news.get(one) ?? old.current.get(one);
    if (item !== undefined) kept.push(item);
  }
  const there = new Set(shown.current.order);
  const waiting = items.filter((item) => !there.has(id(item))).length;
  const [, draw] = useState(0);
  const release = (): void => {
    shown.current = { key, order: items.map(id) };
    draw((count) => count + 1);
  };
  const holder = {
    onMouseEnter: () => hold(true),
    onMouseLeave: () => hold(false),
    onFocusIn: () => hold(true),
    onFocusOut: () => hold(false),
  };
  return { items: kept, waiting, release, holder };
}

/** Says how many rows wait, and shows them. */
export function Waiting({ count, release }: { count: number; release: () => void }) {
  if (count === 0) return null;
  return (
    <button type="button" class="waiting-rows" onClick={release}>
      Show {count} newer
    </button>
  );
}

/**
 * A list of any length of which only the rows in sight are in the document. All rows are equally high; the list has a
 * box of its own.
 */
export function Windowed({ count, row, draw, label, class: name, role, follow, onScroll }: {
  count: number;
  row: number;
  draw: (at: number) => ComponentChildren;
  label: string;
  class: string;
  role?: "list" | "log";
  follow?: boolean;
  onScroll?: (isAtEnd: boolean) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  useEffect(() => {
    const element = box.current!;
    const watch = new ResizeObserver(() => setHeight(element.clientHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [count, follow, height]);
  const first = Math.max(0, Math.floor(top / row) - 10);
  const end = Math.min(count, Math.ceil((top + height) / row) + 10);
  const scrolled = (): void => {
    const element = box.current!;
    setTop(element.scrollTop);
    onScroll?.(element.scrollTop + element.clientHeight >= element.scrollHeight - row);
  };
  const rows = [];
  for (let at = first; at < end; at += 1) rows.push(draw(at));
  return (
    <div ref={box} class={`windowed ${name}`} tabIndex={0} role={role ?? "list"} aria-label={label} onScroll={scrolled}>
      <div class="room" style={{ height: `${count * row}px` }}>
        <div class="sight" style={{ transform: `translateY(${first * row}px)` }}>{rows}</div>
      </div>
    </div>
  );
}
