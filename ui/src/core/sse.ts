// The text of a stream of events, cut into events as its pieces come.

import type { LogEvent } from "./wire.ts";

/** Reads the whole blocks of a text into `out`; returns what is left of an unfinished one. */
export function blocks(text: string, out: LogEvent[]): string {
  let start = 0;
  for (;;) {
    const end = text.indexOf("\n\n", start);
    if (end < 0) return text.slice(start);
    const at = text.indexOf("data: ", start);
    if (at >= 0 && at < end) out.push(JSON.parse(text.slice(at + 6, end)) as LogEvent);
    start = end + 2;
  }
}
