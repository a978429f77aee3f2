// The native interface: requests, refusals, and whether somebody has to show a token first.

import { signal } from "@preact/signals";

const BASE = "/api/v1";

/** Whether the server has asked for a token. */
export const wantsToken = signal(false);

/** A refusal of the server: what it says, and for programs which one it is. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly fields: { field: string; detail: string }[] = [],
  ) {
    super(detail);
  }
}

/** Parameters of a request; those that are null or empty are left out. */
export type Params = Record<string, string | number | boolean | null | undefined>;

/** The address of something in the interface. */
export function apiPath(path: string, params: Params = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return BASE + path + (text === "" ? "" : (path.includes("?") ? "&" : "?") + text);
}

async function refusal(answer: Response): Promise<Problem> {
  const body = await answer.json().catch(() => ({}));
  const detail = body.detail ?? `the server answered ${answer.status} ${answer.statusText}`;
  return new Problem(answer.status, body.code ?? "", detail, body.errors ?? []);
}

/** Sends a request. Throws a `Problem` when it is refused or the server cannot be reached. */
export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, "unreachable", "The server does not answer. Is `fasti serve` still running?");
  }
  if (answer.ok) return answer;
  if (answer.status === 401) wantsToken.value = true;
  throw await refusal(answer);
}

const EARLY_MS = 5_000;
const early = new Map<string, Promise<Response>>();

/** Asks for something that a view will want, while its code is still on the way. */
export function readEarly(path: string, params: Params): void {
  const address = apiPath(path, params);
  const asked = request(address);
  asked.catch(() => undefined);
  early.set(address, asked);
  // What nobody has taken by then would be old.
  setTimeout(() => early.delete(address), EARLY_MS);
}

/** Reads something as JSON. */
export async function read<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  const address = apiPath(path, params);
  const asked = early.get(address);
  early.delete(address);
  const answer = await (asked ?? request(address, signal ? { signal } : {}));
  return (await answer.json()) as T;
}

/** A key under which the same request again does nothing more. Also where the page was not loaded over TLS. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Asks for a change; with a key, once, however often it is sent. */
export async function send<T>(method: string, path: string, body: unknown, key?: string): Promise<T> {
  const answer = await request(BASE + path, {
    method,
    headers: { "Content-Type": "application/json", ...(key ? { "Idempotency-Key": key } : {}) },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  return (text === "" ? null : JSON.parse(text)) as T;
}
