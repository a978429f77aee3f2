// Instants and durations as people read them: local time, UTC beside it.

const DATE = new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** `2026-11-30 08:15:02`, in the zone of the browser. */
export function local(instant: string | number): string {
  const date = new Date(instant);
  return `${DATE.format(date)} ${CLOCK.format(date)}`;
}

/** The same in UTC, for whoever hovers. */
export function utc(instant: string | number): string {
  return `${new Date(instant).toISOString().replace("T", " ").replace("Z", "")} UTC`;
}

/** A day as `YYYY-MM-DD`, in the zone of the browser. */
export function day(instant: string | number): string {
  return DATE.format(new Date(instant));
}

/** The time of day alone. */
export function clock(instant: string | number): string {
  return CLOCK.format(new Date(instant));
}

/** A duration with two units: `1 h 5 min`, `2.35 s`, `12 ms`. */
export function duration(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < 1_000) return `${Math.round(whole)} ms`;
  if (whole < 60_000) return `${(whole / 1_000).toFixed(whole < 10_000 ? 2 : 1)} s`;
  const units: [number, string][] = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1_000, "s"]];
  const at = units.findIndex(([length]) => whole >= length);
  const [first, second] = [units[at]!, units[at + 1]];
  const count = Math.floor(whole / first[0]);
  const rest = second ? Math.floor((whole % first[0]) / second[0]) : 0;
  return `${count} ${first[1]}${second && rest > 0 ? ` ${rest} ${second[1]}` : ""}`;
}

/** How long something took, or has taken until `now`; `null` before it began. */
export function lasted(from: string | null, until: string | null, now: number): number | null {
  if (from === null) return null;
  return (until === null ? now : Date.parse(until)) - Date.parse(from);
}

/** `in 3 h 5 min`, `2 min ago`. */
export function relative(instant: string, now: number): string {
  const ms = Date.parse(instant) - now;
  const seconds = Math.floor(Math.abs(ms) / 1_000);
  if (seconds === 0) return "now";
  const text = seconds < 60 ? `${seconds} s` : duration(seconds * 1_000);
  return ms > 0 ? `in ${text}` : `${text} ago`;
}
