// Small parts that every view uses: links, instants, facts, what is said when there is nothing or something is wrong.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { Problem, wantsToken } from "../core/api.ts";
import type { Answer } from "../core/answer.ts";
import { now } from "../core/live.ts";
import { to } from "../core/route.ts";
import { duration, local, relative, utc } from "../core/time.ts";

/** A link within the page; the moment that is looked at goes along. */
export function A(props: {
  to: string;
  params?: Record<string, string | number | null>;
  class?: string;
  current?: boolean;
  label?: string;
  children: ComponentChildren;
}) {
  const aria = props.current ? { "aria-current": "page" as const } : {};
  const label = props.label ? { "aria-label": props.label } : {};
  return <a href={to(props.to, props.params)} class={props.class ?? ""} {...aria} {...label}>{props.children}</a>;
}

/** An instant in local time, with UTC for whoever hovers. */
export function Instant({ at }: { at: string | null }) {
  if (at === null) return <span class="none">–</span>;
  return <time dateTime={at} title={utc(at)}>{local(at)}</time>;
}

/** How far away an instant is; the instant itself for whoever hovers. */
export function Ago({ at }: { at: string | null }) {
  if (at === null) return <span class="none">–</span>;
  return <time dateTime={at} title={`${local(at)}, ${utc(at)}`}>{relative(at, now.value)}</time>;
}

/** How long something took or has taken. */
export function Lasted({ from, until }: { from: string | null; until: string | null }) {
  if (from === null) return <span class="none">–</span>;
  const end = until === null ? now.value : Date.parse(until);
  return <span class="number">{duration(end - Date.parse(from))}</span>;
}

/** Pairs of a name and what is the case; those without a value are left out. */
export function Facts({ pairs }: { pairs: [string, ComponentChildren][] }) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return (
    <dl class="facts">
      {shown.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

export function Note({ kind, children }: { kind?: "bad" | "warn"; children: ComponentChildren }) {
  return <p class={`note ${kind ?? ""}`} role={kind === "bad" ? "alert" : undefined}>{children}</p>;
}

/** A refusal in the words of the server. */
export function Refused({ problem }: { problem: Problem }) {
  return (
    <div class="note bad" role="alert">
      <p>{problem.message}</p>
      {problem.fields.length > 0 && (
        <ul>{problem.fields.map((one) => <li key={one.field}><code>{one.field}</code> {one.detail}</li>)}</ul>
      )}
    </div>
  );
}

/** What an answer shows: itself, or that it is on its way, or why there is none. */
export function Shown<T>({ answer, children }: { answer: Answer<T>; children: (data: T) => ComponentChildren }) {
  if (answer.data === null) {
    if (wantsToken.value) return null;
    return answer.problem ? <Refused problem={answer.problem} /> : <p class="loading">Loading …</p>;
  }
  return (
    <>
      {answer.problem && answer.problem.status !== 0 && <Refused problem={answer.problem} />}
      {children(answer.data)}
    </>
  );
}

/** What is said where there is nothing yet: why, and what the next step is. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="empty">{children}</div>;
}

/** Tabs that are addresses. */
export function Tabs({ tabs, current, label }: {
  tabs: { name: string; text: string; href: string }[];
  current: string;
  label: string;
}) {
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    const [box, tab] = [nav.current!, nav.current!.querySelector<HTMLElement>("[aria-current]")];
    if (tab) box.scrollLeft = tab.offsetLeft - box.offsetLeft - (box.clientWidth - tab.offsetWidth) / 2;
  }, [current]);
  return (
    <nav ref={nav} class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.name} href={tab.href} aria-current={tab.name === current ? "page" : undefined}>{tab.text}</a>
      ))}
    </nav>
  );
}
