// Answers that stay true: read once, and again when an event says that they may have changed. The server computes;
// the page never guesses what an event does to an answer.

import { useEffect, useRef, useState } from "preact/hooks";

import { Problem, read } from "./api.ts";
import { onEvents } from "./live.ts";
import { asOf } from "./route.ts";
import type { LogEvent } from "./wire.ts";

/** Shortest time between two readings; a slow answer is asked for less often. */
const PAUSE_MS_MIN = 250;
const PAUSE_PER_READING = 3;

export interface Answer<T> {
  data: T | null;
  problem: Problem | null;
  /** What `data` is the answer to: with `keep` for a moment another address than the one asked for. */
  of: string;
  /** Reads it again now. */
  again: () => void;
}

export type Wants = (event: LogEvent) => boolean;

/**
 * An answer about an address of the API; `null` asks nothing. `wants` says which events may change it. With `keep` the
 * answer before stays in sight until the next one is there, as while somebody types what to look for.
 */
export function useAnswer<T>(path: string | null, wants?: Wants, keep?: "keep"): Answer<T> {
  const moment = asOf.value;
  const key = path === null ? null : `${moment ?? ""} ${path}`;
  const [state, setState] = useState<{ key: string | null; data: T | null; problem: Problem | null }>({
    key: null, data: null, problem: null,
  });
  const again = useRef<() => void>(() => undefined);
  const wanted = useRef(wants);
  wanted.current = wants;
  useEffect(() => {
    if (path === null) return;
    const control = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let [isReading, isDue, atLeast, pause] = [false, false, 0, PAUSE_MS_MIN];
    const load = async (): Promise<void> => {
      [isReading, isDue] = [true, false];
      const begun = performance.now();
      try {
        const params = { as_of: moment, min_seq: moment === null && atLeast > 0 ? atLeast : null };
        const data = await read<T>(path, params, control.signal);
        setState({ key, data, problem: null });
      } catch (error) {
        if (control.signal.aborted) return;
        const problem = error instanceof Problem ? error : new Problem(0, "", String(error));
        // What is refused has no answer, and one of something else would be taken for it.
        setState((old) => ({ key, data: old.key === key ? old.data : null, problem }));
        if (problem.status === 0 || problem.status === 503) isDue = true;
      }
      isReading = false;
      pause = Math.max(PAUSE_MS_MIN, PAUSE_PER_READING * (performance.now() - begun));
      if (isDue) plan(pause);
    };
    const plan = (wait: number): void => {
      isDue = true;
      if (isReading || timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        void load();
      }, wait);
    };
    again.current = () => plan(0);
    void load();
    const stop = moment !== null || !wants ? undefined : onEvents((events) => {
      let last = 0;
      for (const event of events) if (wanted.current?.(event)) last = event.seq;
      if (last > 0) {
        atLeast = last;
        plan(pause);
      }
    });
    return () => {
      control.abort();
      clearTimeout(timer);
      stop?.();
    };
  }, [key]);
  const isCurrent = state.key === key;
  return {
    data: isCurrent || keep ? state.data : null,
    problem: isCurrent ? state.problem : null,
    of: state.key ?? "",
    again: () => again.current(),
  };
}
