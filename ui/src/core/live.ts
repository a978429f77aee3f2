// The one stream of events: followed by position, taken up again where it broke off, given to whoever listens.

import { computed, effect, signal } from "@preact/signals";

import { apiPath, read, request, wantsToken } from "./api.ts";
import { asOf } from "./route.ts";
import { blocks } from "./sse.ts";
import type { Health, LogEvent } from "./wire.ts";

export type LiveState = "connecting" | "live" | "paused" | "past";

/** How the stream is. */
export const liveState = signal<LiveState>("connecting");

/** Whether somebody has stopped the updates. */
export const isPaused = signal(false);

/** The last event heard of. */
export const lastSeq = signal(0);

/** The clock: once a second, and only while updates are on. */
const clock = signal(Date.now());

/** When the moment of the past was; `null` while that is not known. */
export const pastTime = signal<number | null>(null);

/** The present of what is shown, by which durations grow: of the past its own. */
export const now = computed(() => (asOf.value === null ? clock.value : pastTime.value ?? clock.value));

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 10_000;

type Listener = (events: LogEvent[]) => void;
const listeners = new Set<Listener>();

/** Listens to events, many at a time; returns what ends that. */
export function onEvents(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function hand(events: LogEvent[]): void {
  const last = events[events.length - 1];
  if (!last) return;
  lastSeq.value = last.seq;
  for (const listener of [...listeners]) listener(events);
}

async function follow(signal: AbortSignal): Promise<void> {
  if (lastSeq.value === 0) lastSeq.value = (await read<Health>("/health", {}, signal)).log_seq;
  const headers = { Accept: "text/event-stream", "Last-Event-ID": String(lastSeq.value) };
  const answer = await request(apiPath("/events"), { headers, signal });
  liveState.value = "live";
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events: LogEvent[] = [];
    rest = blocks(rest + value, events);
    hand(events);
  }
}

async function followAlways(signal: AbortSignal): Promise<void> {
  let wait = RETRY_MS_MIN;
  while (!signal.aborted) {
    liveState.value = "connecting";
    const begun = Date.now();
    await follow(signal).catch(() => undefined);
    if (signal.aborted) return;
    liveState.value = "connecting";
    // A stream that went on for a while and broke is tried again at once.
    if (Date.now() - begun > RETRY_MS_MAX) wait = RETRY_MS_MIN;
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, RETRY_MS_MAX);
  }
}

/** Keeps the stream as it should be: on, unless it is paused, the past is looked at, or a token is missing. */
export function keepLive(): void {
  let control: AbortController | null = null;
  effect(() => {
    const rest = isPaused.value ? "paused" : asOf.value !== null ? "past" : null;
    const isOn = rest === null && !wantsToken.value;
    control?.abort();
    control = null;
    if (isOn) {
      control = new AbortController();
      const { signal } = control;
      // Later, so that what the stream reads is nothing that this depends on.
      queueMicrotask(() => void followAlways(signal));
    } else if (rest) {
      liveState.value = rest;
    }
  });
  setInterval(() => {
    if (!isPaused.value && !document.hidden) clock.value = Date.now();
  }, 1_000);
}
