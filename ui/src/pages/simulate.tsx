// Another schedule for a batch, looked at before it is saved: which slots come as before, which no more, which anew.

import { useEffect, useMemo, useState } from "preact/hooks";

import { type Problem, send } from "../core/api.ts";
import { asOf, go, query, withQuery } from "../core/route.ts";
import { changeOf, numbersOf, paired, type SlotPair } from "../core/slots.ts";
import { counted } from "../core/text.ts";
import { local } from "../core/time.ts";
import type { Batch, Preview } from "../core/wire.ts";
import { Action } from "../parts/action.tsx";
import { Empty, Instant, Note, Refused } from "../parts/basics.tsx";
import { target } from "../parts/batch_actions.tsx";
import { Table } from "../parts/table.tsx";
import { NOTES } from "./calendar.tsx";

type Schedule = Record<string, unknown>;

const SHOWN_MAX = 60;
const DAY_MS = 86_400_000;
const REST_MS = 200;
const SPANS: [number, string][] = [[1, "day"], [7, "week"], [31, "month"], [92, "quarter"], [366, "year"]];
const TIMES = ["at_minutes", "every_minute", "at_hours", "every_hour", "weekdays", "day_of_month", "first_last", "in_months", "every_month"];

/** The schedule in the address; the present one while nothing has been changed. */
function proposed(batch: Batch): { schedule: Schedule; fault: string | null } {
  const text = query.value.get("simulate") ?? "";
  const present = batch.schedule ?? {};
  if (text === "" || text === "1") return { schedule: present, fault: null };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { schedule: value as Schedule, fault: null };
    return { schedule: present, fault: "A schedule is an object, such as {\"cron\": \"0 8 * * *\"}." };
  } catch (error) {
    return { schedule: present, fault: `This is no JSON: ${(error as Error).message}` };
  }
}

function propose(schedule: Schedule): void {
  go(withQuery({ simulate: JSON.stringify(schedule) }), "replace");
}

export function Simulate({ batch, done }: { batch: Batch; done: () => void }) {
  const { schedule, fault } = proposed(batch);
  if (asOf.value !== null) return <Empty><p>A schedule is tried from now on. <a href={withQuery({ as_of: null })}>Back to now</a></p></Empty>;
  return (
    <section class="simulate" aria-label="Another schedule">
      <header class="title">
        <h2>Try another schedule</h2>
        <div class="buttons"><a class="button" href={withQuery({ simulate: null, days: null })}>Leave it as it is</a></div>
      </header>
      <Fields schedule={schedule} />
      {fault && <Note kind="bad">{fault}</Note>}
      <Outcome batch={batch} schedule={schedule} done={done} />
    </section>
  );
}

function Fields({ schedule }: { schedule: Schedule }) {
  const isCron = typeof schedule.cron === "string";
  const set = (name: string, value: unknown): void => {
    const { [name]: _old, ...rest } = schedule;
    const isNothing = value === "" || value === null || (Array.isArray(value) && value.length === 0);
    propose(isNothing ? rest : { ...rest, [name]: value });
  };
  const by = (kind: string): void => {
    const { cron: _cron, ...rest } = schedule;
    for (const name of TIMES) if (kind === "cron") delete rest[name];
    propose(kind === "cron" ? { cron: "0 8 * * *", ...rest } : { at_hours: [8], ...rest });
  };
  const text = (name: string): string => (typeof schedule[name] === "string" ? (schedule[name] as string) : "");
  const zones = useMemo(() => Intl.supportedValuesOf("timeZone"), []);
  return (
    <form class="filter" onSubmit={(event) => event.preventDefault()}>
      <label>
        Times by <select value={isCron ? "cron" : "fields"} onChange={(change) => by(change.currentTarget.value)}>
          <option value="cron">cron</option><option value="fields">hours and days</option>
        </select>
      </label>
      {isCron
        ? <label>Cron <input value={text("cron")} onInput={(change) => propose({ ...schedule, cron: change.currentTarget.value })} spellcheck={false} /></label>
        : <Times schedule={schedule} set={set} />}
      <label>
        Zone <input value={text("timezone")} placeholder="UTC" list="zones" onChange={(change) => set("timezone", change.currentTarget.value.trim())} />
        <datalist id="zones">{zones.map((zone) => <option key={zone} value={zone} />)}</datalist>
      </label>
      <Choice label="While a run goes on" value={text("overlap")} words={["allow", "skip", "queue_one", "queue_all", "cancel_old"]} set={(word) => set("overlap", word)} />
      <Choice label="Missed slots" value={text("misfire")} words={["latest", "all", "within", "skip"]} set={(word) => set("misfire", word)} />
      <details>
        <summary>All of it as JSON</summary>
        <textarea
          aria-label="Schedule as JSON" rows={6} spellcheck={false} defaultValue={JSON.stringify(schedule, null, 2)} key={JSON.stringify(schedule)}
          onChange={(change) => go(withQuery({ simulate: change.currentTarget.value.trim() || "{}" }), "replace")}
        />
      </details>
    </form>
  );
}

function Times({ schedule, set }: { schedule: Schedule; set: (name: string, value: unknown) => void }) {
  const days = Array.isArray(schedule.weekdays) ? (schedule.weekdays as string[]) : [];
  const toggle = (day: string): void => set("weekdays", WEEKDAYS.filter((one) => (one === day) !== days.includes(one)));
  return (
    <>
      <Numbers label="Hours" name="at_hours" schedule={schedule} set={set} hint="8, 12" />
      <Numbers label="Minutes" name="at_minutes" schedule={schedule} set={set} hint="0" />
      <Numbers label="Days of the month" name="day_of_month" schedule={schedule} set={set} hint="any" isOne />
      <Numbers label="Months" name="in_months" schedule={schedule} set={set} hint="any" />
      <fieldset>
        <legend>Weekdays</legend>
        {WEEKDAYS.map((day) => (
          <label key={day} class="check"><input type="checkbox" checked={days.includes(day)} onChange={() => toggle(day)} />{day}</label>
        ))}
      </fieldset>
    </>
  );
}

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** Numbers as text. What is being typed stays as it is typed, although it says the same. */
function Numbers({ label, name, schedule, set, hint, isOne }: {
  label: string;
  name: string;
  schedule: Schedule;
  set: (name: string, value: unknown) => void;
  hint: string;
  isOne?: boolean;
}) {
  const value = schedule[name];
  const said = value === undefined || value === null ? "" : Array.isArray(value) ? value.join(", ") : String(value);
  const [typed, type] = useState(said);
  const isSame = JSON.stringify(numbersOf(typed)) === JSON.stringify(numbersOf(said));
  return (
    <label>
      {label} <input
        value={isSame ? typed : said} placeholder={hint} size={8} inputMode="numeric"
        onInput={(change) => {
          const numbers = numbersOf(change.currentTarget.value);
          type(change.currentTarget.value);
          set(name, isOne && numbers.length < 2 ? numbers[0] ?? null : numbers);
        }}
      />
    </label>
  );
}

function Choice({ label, value, words, set }: { label: string; value: string; words: string[]; set: (word: string) => void }) {
  return (
    <label>
      {label} <select value={value || words[0]} onChange={(change) => set(change.currentTarget.value === words[0] ? "" : change.currentTarget.value)}>
        {words.map((word) => <option key={word} value={word}>{word.replaceAll("_", " ")}</option>)}
      </select>
    </label>
  );
}

/** Both looks ahead from one instant on, read again when the schedule has come to rest. */
function usePreviews(batch: Batch, schedule: Schedule, from: number, days: number) {
  const [state, setState] = useState<{ before: Preview; after: Preview } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [now, then] = [JSON.stringify(batch.schedule ?? {}), JSON.stringify(schedule)];
  useEffect(() => {
    let isCurrent = true;
    const ask = (text: string): Promise<Preview> => send("POST", "/schedules/preview", {
      schedule: JSON.parse(text), from: new Date(from).toISOString(), until: new Date(from + days * DAY_MS).toISOString(),
    });
    const timer = setTimeout(() => {
      Promise.all([ask(now), ask(then)]).then(([before, after]) => {
        if (!isCurrent) return;
        setProblem(null);
        setState({ before, after });
      }, (error) => isCurrent && setProblem(error as Problem));
    }, REST_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [now, then, from, days]);
  return { state, problem };
}

function Outcome({ batch, schedule, done }: { batch: Batch; schedule: Schedule; done: () => void }) {
  const [from] = useState(() => Date.now());
  const days = Number(query.value.get("days") ?? 7);
  const { state, problem } = usePreviews(batch, schedule, from, SPANS.some(([length]) => length === days) ? days : 7);
  const isChanged = JSON.stringify(schedule) !== JSON.stringify(batch.schedule ?? {});
  const save = (
    <Action<Batch>
      name="Save this schedule" title={`Another schedule for ${batch.name}`}
      call={{
        method: "PUT", path: `/batches/${batch.id}/schedule?expected_version=${batch.version}`, body: schedule,
        command: ["schedule", "set", target(batch), JSON.stringify(schedule)],
      }}
      done={() => {
        go(withQuery({ simulate: null, days: null }), "replace");
        done();
      }}
    >
      <p>{state?.after.description}</p>
      <p>A new version of the batch has this schedule; everything else in it stays. What has fired already is not done again.</p>
    </Action>
  );
  return (
    <>
      {problem && <Refused problem={problem} />}
      {!state && !problem && <p class="loading">Looking ahead …</p>}
      {state && !problem && (
        <>
          <dl class="facts">
            <div><dt>Now</dt><dd>{state.before.description}</dd></div>
            <div><dt>Then</dt><dd>{state.after.description}</dd></div>
          </dl>
          <Compared {...state} from={from} days={days} isChanged={isChanged} save={isChanged ? save : null} />
        </>
      )}
    </>
  );
}

function Compared({ before, after, from, days, isChanged, save }: {
  before: Preview;
  after: Preview;
  from: number;
  days: number;
  isChanged: boolean;
  save: preact.ComponentChildren;
}) {
  const { pairs, isCut } = useMemo(() => paired(before, after), [before, after]);
  const isOnly = query.value.get("only") === "1";
  const shown = isOnly ? pairs.filter((pair) => changeOf(pair) !== "same") : pairs;
  const count = (change: string): number => pairs.filter((pair) => changeOf(pair) === change).length;
  const end = isCut && pairs.length > 0 ? Date.parse(pairs[pairs.length - 1]!.at) : from + days * DAY_MS;
  const [now, then] = [pairs.filter((pair) => pair.before !== null).length, pairs.filter((pair) => pair.after !== null).length];
  return (
    <>
      <div class="filter">
        <label>
          In the next <select value={String(days)} onChange={(change) => go(withQuery({ days: change.currentTarget.value }), "replace")}>
            {SPANS.map(([length, name]) => <option key={length} value={String(length)}>{name}</option>)}
          </select>
        </label>
        <label class="check">
          <input type="checkbox" checked={isOnly} onChange={() => go(withQuery({ only: isOnly ? null : 1 }), "replace")} />only what differs
        </label>
        <div class="buttons">{save}</div>
      </div>
      <p role="status">
        {isChanged ? `${counted(now, "slot")} now, ${then.toLocaleString("en")} then: ` : `${counted(now, "slot")}. Change something above to see what becomes of them.`}
        {isChanged && (
          <>
            {count("same").toLocaleString("en")} as before, <span class={count("new") > 0 ? "success" : ""}>{count("new").toLocaleString("en")} new</span>,{" "}
            <span class={count("gone") > 0 ? "failure" : ""}>{count("gone").toLocaleString("en")} gone</span>
            {count("another date") > 0 && <>, {count("another date").toLocaleString("en")} for another date</>}.
          </>
        )}
        {isCut && <span class="soft"> There are more than can be listed; this is until {local(end)}.</span>}
      </p>
      <Lanes pairs={pairs} from={from} until={end} />
      {shown.length > 0 && <Pairs pairs={shown.slice(0, SHOWN_MAX)} />}
      {shown.length > SHOWN_MAX && <p class="soft">The first {SHOWN_MAX} of {shown.length.toLocaleString("en")}.</p>}
      {shown.length === 0 && <Empty><p>{isOnly ? "Nothing differs." : "Neither starts it in this time."}</p></Empty>}
    </>
  );
}

/** Both as lines over one time. The table below says the same. */
function Lanes({ pairs, from, until }: { pairs: SlotPair[]; from: number; until: number }) {
  const lane = (side: "before" | "after", changes: string[]): string => {
    const chosen = pairs.filter((pair) => pair[side] !== null && changes.includes(changeOf(pair)));
    return chosen.map((pair) => `M${((1_000 * (Date.parse(pair.at) - from)) / (until - from)).toFixed(2)} 2V22`).join("");
  };
  const kept = ["same", "another date"];
  return (
    <div class="lanes" aria-hidden="true">
      {(["before", "after"] as const).map((side) => (
        <div key={side}>
          <span class="soft">{side === "before" ? "now" : "then"}</span>
          <svg viewBox="0 0 1000 24" preserveAspectRatio="none">
            <path d={lane(side, kept)} class="kept" />
            <path d={lane(side, side === "before" ? ["gone"] : ["new"])} class={side === "before" ? "gone" : "added"} />
          </svg>
        </div>
      ))}
      <div><span /><p class="axis-ends soft"><span>{local(from).slice(0, 16)}</span><span>{local(until).slice(0, 16)}</span></p></div>
    </div>
  );
}

const TAGS: Record<string, string> = { new: "good", gone: "bad", "another date": "warn" };

function Pairs({ pairs }: { pairs: SlotPair[] }) {
  const side = (date: string | null): preact.ComponentChildren => (date === null ? <span class="none">–</span> : `for ${date}`);
  return (
    <Table
      label="Slots now and then" items={pairs} id={(pair) => pair.at}
      columns={[
        { name: "Slot", kind: "title", cell: (pair) => <Instant at={pair.at} /> },
        { name: "On its clock", cell: (pair) => <span class="number">{pair.clock.replace("T", " ").replace(/(?=[+-]\d\d:\d\d$)/, " ")}{pair.note && <b title={NOTES[pair.note] ?? pair.note}> ⚠</b>}</span> },
        { name: "Now", cell: (pair) => side(pair.before) },
        { name: "Then", cell: (pair) => side(pair.after) },
        {
          name: "Change",
          cell: (pair) => {
            const change = changeOf(pair);
            return change === "same" ? <span class="soft">as before</span> : <span class={`tag ${TAGS[change]}`}>{change}</span>;
          },
        },
      ]}
    />
  );
}
