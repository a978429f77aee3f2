// Sets of flows: many inputs through one graph. Those made one over the other are a chain, shown side by side.

import { useAnswer } from "../core/answer.ts";
import { query } from "../core/route.ts";
import { counted } from "../core/text.ts";
import { duration } from "../core/time.ts";
import type { FlowGraphDiff, FlowSet, FlowSetComparison, LogEvent, NodeSteps, Page, StepCounts } from "../core/wire.ts";
import { A, Ago, Empty, Facts, Instant, Note, Refused, Shown } from "../parts/basics.tsx";
import { Command } from "../parts/action.tsx";
import { Table } from "../parts/table.tsx";
import { Paging } from "./batches.tsx";

const concerns = (event: LogEvent): boolean => /^(flow|flow_set|task|attempt|run)\./.test(event.type);

export function flowSetTitle(set: FlowSet): string {
  return set.title || `Set ${set.id}`;
}

/** All sets; nothing at all where nobody has made one. */
export function FlowSets() {
  const cursor = query.value.get("flows") ?? "";
  const answer = useAnswer<Page<FlowSet>>(`/flow-sets?limit=50${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, concerns);
  if (!answer.data) return answer.problem ? <Refused problem={answer.problem} /> : null;
  const page = answer.data;
  if (page.items.length === 0 && cursor === "") return null;
  return (
    <section>
      <h2>Sets of flows</h2>
      <Table
        label="Sets of flows" items={page.items} id={(set) => set.id}
        columns={[
          { name: "Set", kind: "title", cell: (set) => <A to={`/ui/flow-sets/${set.id}`}>{flowSetTitle(set)}</A> },
          { name: "Graph", cell: (set) => `${set.flow_type}, revision ${set.revision}` },
          { name: "Flows", cell: (set) => `${set.flows_completed.toLocaleString("en")} of ${set.flows_total.toLocaleString("en")}` },
          { name: "Steps", cell: (set) => <Steps steps={set.steps} /> },
          { name: "Chain", cell: (set) => (set.root_id === set.id ? "begins one" : <A to={`/ui/flow-sets/${set.root_id}`}>from set {set.root_id}</A>) },
          { name: "Made", cell: (set) => <Ago at={set.created_at} /> },
        ]}
      />
      <Paging page={page} count={page.items.length} name="flows" />
    </section>
  );
}

/** Words for steps that are not simply complete, with the class that gives their colour. */
const WORDS: [keyof StepCounts, string][] = [
  ["failed", "failure"], ["running", "running"], ["queued", "queued"], ["blocked", "warn"], ["pending", "waiting"], ["cancelled", "cancelled"],
];

function Steps({ steps }: { steps: StepCounts }) {
  const rest = WORDS.filter(([name]) => steps[name] > 0);
  return (
    <span>
      {steps.completed.toLocaleString("en")} of {steps.total.toLocaleString("en")}
      {rest.map(([name, kind]) => <span key={name} class={kind}> {steps[name].toLocaleString("en")} {name}</span>)}
    </span>
  );
}

export function FlowSetView({ id }: { id: number }) {
  const answer = useAnswer<FlowSet>(`/flow-sets/${id}`, concerns);
  return (
    <Shown answer={answer}>
      {(set) => (
        <>
          <header class="title"><h1>{flowSetTitle(set)}</h1></header>
          {set.description && <p>{set.description}</p>}
          {set.superseded_by_id !== null && <Note>Its place was taken by <A to={`/ui/flow-sets/${set.superseded_by_id}`}>set {set.superseded_by_id}</A>.</Note>}
          <Facts
            pairs={[
              ["Graph", `${set.flow_type}, revision ${set.revision}`],
              ["Flows", `${set.flows_completed.toLocaleString("en")} of ${set.flows_total.toLocaleString("en")} complete`],
              ["Steps", <Steps steps={set.steps} />],
              ["Takes the place of", set.superseded_set_id && <A to={`/ui/flow-sets/${set.superseded_set_id}`}>set {set.superseded_set_id}</A>],
              ["Made", <Instant at={set.created_at} />],
              ["Changed", <Ago at={set.modified_at} />],
              ["Id", set.id],
            ]}
          />
          <Chain set={set} />
        </>
      )}
    </Shown>
  );
}

function Chain({ set }: { set: FlowSet }) {
  const answer = useAnswer<FlowSetComparison>(`/flow-sets/${set.id}/comparison`, concerns);
  return (
    <section>
      <h2>The chain, side by side</h2>
      <Shown answer={answer}>
        {(found) => {
          const at = found.sets.findIndex((one) => one.id === set.id);
          const before = at > 0 ? found.sets[at - 1]! : null;
          return (
            <>
              <SideBySide found={found} current={set.id} />
              {before && <Changes set={set} before={before} />}
            </>
          );
        }}
      </Shown>
      <Command call={{ method: "GET", path: `/flow-sets/${set.id}/comparison`, command: ["run", "set", "compare", String(set.id)] }} />
    </section>
  );
}

/** A row a node, a column a set; a wide chain is scrolled in a box of its own. */
function SideBySide({ found, current }: { found: FlowSetComparison; current: number }) {
  const nodes = Object.entries(found.nodes);
  if (nodes.length === 0) return <Empty><p>No step has been made yet.</p></Empty>;
  return (
    <div class="scrolled" tabIndex={0} role="region" aria-label="Sets of the chain">
      <table class="compared" aria-label="Nodes by set">
        <thead>
          <tr>
            <th scope="col">Node</th>
            {found.sets.map((set) => (
              <th key={set.id} scope="col" aria-current={set.id === current ? "true" : undefined}>
                <A to={`/ui/flow-sets/${set.id}`}>{flowSetTitle(set)}</A>
                <small>revision {set.revision}, {counted(set.flows_total, "flow")}</small>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {nodes.map(([name, entries]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {found.sets.map((set, at) => <td key={set.id}><Node entry={entries[at] ?? null} before={entries[at - 1] ?? null} /></td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Node({ entry, before }: { entry: NodeSteps | null; before: NodeSteps | null }) {
  if (entry === null) return <span class="none">not in its graph</span>;
  const [mean, earlier] = [entry.mean_command_us, before?.mean_command_us ?? null];
  return (
    <>
      <Steps steps={entry.steps} />
      <small>
        {mean === null ? "no time yet" : `${duration(mean / 1_000)} on average`}
        {mean !== null && earlier !== null && earlier > 0 && mean !== earlier && `, ${mean > earlier ? "+" : "−"}${duration(Math.abs(mean - earlier) / 1_000)}`}
        {entry.max_command_us !== null && `, ${duration(entry.max_command_us / 1_000)} at most`}
      </small>
    </>
  );
}

/** A node of which nothing else is said. */
function whyOf(status: string): string {
  return status === "new" || status === "deleted" ? "–" : "what it depends on changed";
}

/** What is not the same in the graphs of a set and of the one before it. */
function Changes({ set, before }: { set: FlowSet; before: FlowSet }) {
  const path = `/flow-types/${encodeURIComponent(set.flow_type)}/diff?from=${before.revision}&to=${set.revision}`;
  const isSame = set.revision === before.revision;
  const answer = useAnswer<FlowGraphDiff>(isSame ? null : path);
  if (isSame) return <p class="soft">Both it and the set before it are of revision {set.revision} of the graph.</p>;
  return (
    <section>
      <h2>What changed in the graph since revision {before.revision}</h2>
      <Shown answer={answer}>
        {(diff) => {
          const changed = Object.entries(diff.nodes).filter(([, node]) => node.status !== "unchanged" || node.is_done_anew);
          return (
            <>
              {diff.reasons.map((reason) => <Note key={reason} kind="warn">{reason}</Note>)}
              {changed.length === 0 ? <Empty><p>No node changed.</p></Empty> : (
                <Table
                  label="Nodes that changed" items={changed} id={([name]) => name}
                  columns={[
                    { name: "Node", kind: "title", cell: ([name]) => name },
                    { name: "Is", cell: ([, node]) => node.status },
                    { name: "Done anew", cell: ([, node]) => (node.is_done_anew ? "yes" : "no") },
                    { name: "Why", kind: "wide", cell: ([, node]) => [...node.changes, ...(node.is_forced ? ["forced"] : [])].join("; ") || whyOf(node.status) },
                  ]}
                />
              )}
            </>
          );
        }}
      </Shown>
    </section>
  );
}
