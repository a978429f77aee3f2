// Text from outside: names, output, reasons. It is shown as text and nothing else; characters that would turn, hide
// or break what stands around them are written out.

import { options } from "preact";

const TRICKS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Writes out characters that cannot be seen or turn the text around. */
export function visible(text: string): string {
  return text.replace(TRICKS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Makes every text that is drawn visible, so that no single place has to think of it. */
export function watchAllText(): void {
  const before = options.vnode;
  options.vnode = (vnode) => {
    const props = vnode.props as { children?: unknown };
    if (typeof vnode.type === "string" && props) {
      const { children } = props;
      if (typeof children === "string") props.children = visible(children);
      else if (Array.isArray(children) && children.some((child) => typeof child === "string")) {
        props.children = children.map((child) => (typeof child === "string" ? visible(child) : child));
      }
    }
    before?.(vnode);
  };
}

/** "1 task", "2 tasks". */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** A length in bytes, for people. */
export function bytes(count: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let unit = 0;
  let value = count;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** A word as it is typed in a shell, quoted if need be. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
