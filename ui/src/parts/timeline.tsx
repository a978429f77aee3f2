// The slider through the log: its axis is time, and above it stands how much happened when.

import { useEffect, useState } from "preact/hooks";

import { read } from "../core/api.ts";
import { counted } from "../core/text.ts";
import { local } from "../core/time.ts";
import type { EventDensity } from "../core/wire.ts";

const STRETCHES = 160;
const HEIGHT = 24;

/** What a step closer shows of what is shown now. */
const CLOSER = 6;

type Range = { from: string; until: string } | null;

export function Timeline({ seq, at, move }: { seq: number | null; at: string | undefined; move: (seq: number) => void }) {
  const [range, setRange] = useState<Range>(null);
  const [density, setDensity] = useState<EventDensity | null>(null);
  useEffect(() => {
    const control = new AbortController();
    read<EventDensity>("/events/density", { stretches: STRETCHES, ...range }, control.signal).then(setDensity, () => undefined);
    return () => control.abort();
  }, [range]);
  if (!density) return <div class="timeline"><div class="density" /></div>;
  const [from, until] = [Date.parse(density.from), Date.parse(density.until)];
  const count = density.counts.length;
  const instant = (index: number): number => from + ((until - from) * index) / count;
  const index = placeOf(density, seq, at);
  const near = (): void => {
    const half = (until - from) / CLOSER / 2;
    const middle = instant(index + 0.5);
    setRange({ from: new Date(Math.floor(middle - half)).toISOString(), until: new Date(Math.ceil(middle + half)).toISOString() });
  };
  const said = `${local(instant(index + 1))}, ${counted(density.counts[index] ?? 0, "event")}`;
  return (
    <div class="timeline">
      <svg class="density" viewBox={`0 0 ${count} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path d={bars(density.counts)} />
        <rect x={index} y={0} width={1} height={HEIGHT} class="here" />
      </svg>
      <input
        type="range" min={0} max={count - 1} value={index} aria-label="Position in the log" aria-valuetext={said} title={said}
        onChange={(change) => move(Math.max(1, density.last_seqs[Number(change.currentTarget.value)] ?? 1))}
      />
      <p class="axis-ends soft">
        <span>{local(from)}</span>
        <span class="buttons">
          <button type="button" class="quiet" disabled={until - from < count} onClick={near}>closer</button>
          <button type="button" class="quiet" disabled={range === null} onClick={() => setRange(null)}>all of it</button>
        </span>
        <span>{local(until)}</span>
      </p>
    </div>
  );
}

/** The stretch that an event is in, or an instant. */
function placeOf(density: EventDensity, seq: number | null, at: string | undefined): number {
  const count = density.counts.length;
  if (seq !== null) {
    const found = density.last_seqs.findIndex((last) => last >= seq);
    return found < 0 ? count - 1 : found;
  }
  const [from, until] = [Date.parse(density.from), Date.parse(density.until)];
  const part = at && until > from ? (Date.parse(at) - from) / (until - from) : 1;
  return Math.min(count - 1, Math.max(0, Math.floor(part * count)));
}

/** Bars by the logarithm, so that one event is seen beside a thousand. */
function bars(counts: number[]): string {
  const most = Math.log1p(Math.max(...counts, 1));
  const bar = (events: number, at: number): string => {
    if (events === 0) return "";
    const height = Math.max(2, (HEIGHT * Math.log1p(events)) / most);
    return `M${at + 0.1} ${HEIGHT}V${(HEIGHT - height).toFixed(1)}H${at + 0.9}V${HEIGHT}Z`;
  };
  return counts.map(bar).join("");
}
