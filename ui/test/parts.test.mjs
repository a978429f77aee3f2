// What the page computes without a browser: output as lines, colours, durations, the camera of the graph.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

import { build } from "esbuild";

const folder = await mkdtemp(join(tmpdir(), "fasti-ui-"));
after(() => rm(folder, { recursive: true }));

/** Bundles a source and loads it. */
async function load(source) {
  const outfile = join(folder, `${source.replaceAll("/", "-")}.mjs`);
  await build({ entryPoints: [`src/${source}.ts`], outfile, bundle: true, format: "esm", logLevel: "error" });
  return import(pathToFileURL(outfile).href);
}

const { Lines } = await load("core/lines");
const { spans } = await load("core/ansi");
const { blocks } = await load("core/sse");
const { duration, relative } = await load("core/time");
const { visible, quoted, bytes } = await load("core/text");
const { fitted, zoomed, moved, showing } = await load("graph/camera");
const { modelOf, criticalChain, moods, nodeName } = await load("graph/model");
const { gridOf } = await load("graph/grid");
const { CHOSEN_MAX, between, none, withChosen } = await load("core/choice");
const { paired, changeOf, numbersOf } = await load("core/slots");

test("output is cut into lines wherever its pieces end", () => {
  const lines = new Lines();
  for (const piece of ["a", "b\nc\r", "\n", "", "\nlast"]) lines.add(piece);
  const all = Array.from({ length: lines.count }, (_, at) => lines.line(at));
  assert.deepEqual(all, ["ab", "c", "", "last"]);
  lines.add("\n");
  assert.equal(lines.count, 4);
  assert.equal(new Lines().count, 0);
});

test("lines with a word are found without regard to case", () => {
  const lines = new Lines();
  lines.add("One\ntwo ONE one\nthree\none");
  assert.deepEqual(lines.find("one", 10), [0, 1, 3]);
  assert.deepEqual(lines.find("one", 2), [0, 1]);
  lines.add("\nİ one");
  assert.deepEqual(lines.find("ONE", 10), [0, 1, 3, 4]);
});

test("200,000 lines are searched in a moment", () => {
  const lines = new Lines();
  lines.add("a line of output that is like any other\n".repeat(200_000));
  const begun = performance.now();
  assert.equal(lines.find("output", 1e6).length, 200_000);
  assert.ok(performance.now() - begun < 3_000);
});

test("colours of terminals become styles, other sequences stay text", () => {
  assert.deepEqual(spans("plain"), [{ text: "plain", style: "" }]);
  assert.deepEqual(spans("\u001b[1;31mred\u001b[0m rest"), [
    { text: "red", style: "ansi-red bold" }, { text: " rest", style: "" },
  ]);
  assert.equal(spans("\u001b[2Jx").map((span) => span.text).join(""), "\u001b[2Jx");
});

test("characters that hide or turn text are written out", () => {
  assert.equal(visible("a\u202eb\u0007\u200b"), "a\\u202eb\\u0007\\u200b");
  assert.equal(visible("Zoë\n\t日本"), "Zoë\n\t日本");
});

test("words are quoted as a shell wants them", () => {
  assert.equal(quoted("a-b.c"), "a-b.c");
  assert.equal(quoted("it's"), "'it'\\''s'");
  assert.equal(quoted(""), "''");
});

test("a stream is cut into events wherever its pieces end", () => {
  const text = 'retry: 1000\n\nid: 1\ndata: {"seq":1}\n\n: still here\n\nid: 2\ndata: {"seq":2}\n\n';
  for (let cut = 0; cut <= text.length; cut += 1) {
    const events = [];
    const rest = blocks(text.slice(0, cut), events);
    assert.equal(blocks(rest + text.slice(cut), events), "");
    assert.deepEqual(events, [{ seq: 1 }, { seq: 2 }]);
  }
});

test("5,000 events are read in a moment", () => {
  const data = { seq: 1, time: "2026-11-30T08:00:00.000Z", type: "task.finished", run_id: 7, data: { task_runs: [[8, 9]] } };
  const text = `id: 1\ndata: ${JSON.stringify(data)}\n\n`.repeat(5_000);
  const took = Math.min(...[1, 2, 3].map(() => {
    const begun = performance.now();
    const events = [];
    blocks(text, events);
    assert.equal(events.length, 5_000);
    return performance.now() - begun;
  }));
  assert.ok(took < 100, `${took} ms`);
});

test("durations have two units at most", () => {
  const said = [0, 999, 1_000, 59_990, 60_000, 3_725_000, 90_000_000].map(duration);
  assert.deepEqual(said, ["0 ms", "999 ms", "1.00 s", "60.0 s", "1 min", "1 h 2 min", "1 d 1 h"]);
  assert.equal(relative("2026-01-01T00:00:05Z", Date.parse("2026-01-01T00:00:00Z")), "in 5 s");
  assert.equal(bytes(1536), "1.5 KiB");
});

test("zooming keeps the point under the pointer where it is", () => {
  const before = { x: 10, y: 20, zoom: 0.5 };
  const at = { x: 300, y: 200 };
  const after = zoomed(before, 1.7, at);
  assert.ok(Math.abs(before.x + at.x / before.zoom - (after.x + at.x / after.zoom)) < 1e-9);
  const all = fitted({ width: 4000, height: 100 }, { width: 400, height: 300 });
  assert.equal(all.zoom, 0.1);
});

test("a picture cannot be lost, and a box is brought into sight", () => {
  const [picture, view] = [{ width: 500, height: 500 }, { width: 400, height: 400 }];
  const far = moved({ x: 0, y: 0, zoom: 1 }, -1e6, 1e6, picture, view);
  assert.ok(far.x < picture.width && far.y > -view.height);
  const seen = showing({ x: 0, y: 0, zoom: 1 }, { x: 450, y: 10, width: 40, height: 20 }, view);
  assert.ok(seen.x + view.width >= 490 && seen.x <= 450);
});

test("a task stands as its worst part, and the chain that decided the end is found", () => {
  const model = modelOf({
    names: ["a", "b", "c", "d"], parts: [1, 2, 1, 1], x: [], y: [], edges_from: [0, 0, 1, 2], edges_to: [1, 2, 3, 3],
    named_parts: [{ task: 1, names: ["left", "right"] }], bend_edges: [], bend_x: [], bend_y: [],
  });
  const states = { statuses: "ssfsk", started_ms: [0, 1, 1, 1, null], finished_ms: [1, 3, 9, 4, 9] };
  assert.deepEqual(moods(model, states).map((mood) => mood.status), ["success", "failure", "success", "skipped"]);
  assert.deepEqual(criticalChain(model, states), [0, 1]);
  assert.equal(nodeName(model, 2), "right");
});

const preview = (times, more = {}) => ({
  fire_times: times, rundates: times.map((at) => at.slice(0, 10)), local_times: times, notes: [], truncated: false, ...more,
});

test("two looks ahead are paired slot by slot", () => {
  const [one, two, three] = ["2026-11-30T07:00:00.000Z", "2026-12-01T07:00:00.000Z", "2026-12-02T07:00:00.000Z"];
  const notes = [{ fire_time: three, note: "first_of_two" }];
  const { pairs, isCut } = paired(preview([one, two]), preview([two, three], { notes, rundates: ["2026-11-30", "2026-12-02"] }));
  assert.deepEqual(pairs.map((pair) => [pair.at, changeOf(pair)]), [[one, "gone"], [two, "another date"], [three, "new"]]);
  assert.equal(pairs[2].note, "first_of_two");
  assert.equal(isCut, false);
  assert.equal(changeOf(paired(preview([one]), preview([one])).pairs[0]), "same");
});

test("what a look ahead could not list is not taken for gone", () => {
  const times = ["2026-11-30T07:00:00.000Z", "2026-12-01T07:00:00.000Z", "2026-12-02T07:00:00.000Z"];
  const { pairs, isCut } = paired(preview(times), preview(times.slice(0, 2), { truncated: true }));
  assert.deepEqual(pairs.map(changeOf), ["same", "same"]);
  assert.equal(isCut, true);
});

test("numbers are read from what people type", () => {
  assert.deepEqual(numbersOf("8, 12 ,x 1.5"), [8, 12, "x", "1.5"]);
  assert.deepEqual(numbersOf(" , "), []);
});

test("a grid has the tasks of all runs, shaded by their time", () => {
  const layout = (names, parts) => modelOf({ names, parts, edges_from: [], edges_to: [], named_parts: [], bend_edges: [], bend_x: [], bend_y: [] });
  const origin = "2026-11-30T07:00:00.000Z";
  const before = { model: layout(["old", "load"], [1, 1]), states: { first_task_run_id: 10, origin, statuses: "ss", started_ms: [0, 0], finished_ms: [5, 100] } };
  const after = { model: layout(["load", "part"], [1, 3]), states: { first_task_run_id: 20, origin, statuses: "rsfw", started_ms: [0, 10, 20, null], finished_ms: [null, 30, 50, null] } };
  const rows = gridOf([before, null, after], 2, Date.parse(origin) + 400);
  assert.deepEqual(rows.map((row) => row.name), ["load", "part", "old"]);
  const [load, part, old] = rows.map((row) => row.cells);
  assert.deepEqual(load[0], { status: "success", ms: 100, heat: 1, taskRun: 11 });
  assert.equal(load[1], null);
  assert.deepEqual(load[2], { status: "running", ms: 400, heat: 4, taskRun: 20 });
  // All parts of a task together: the worst of them, from the first start to the last end.
  assert.deepEqual(part[2], { status: "failure", ms: 40, heat: 4, taskRun: 22 });
  assert.deepEqual([old[0].heat, old[2]], [4, null]);
});

test("what is more than can be chosen is counted, and what is chosen stays", () => {
  const runs = Array.from({ length: CHOSEN_MAX + 3 }, (_, at) => ({ id: at + 1 }));
  const most = withChosen(none(), runs.slice(0, CHOSEN_MAX - 1), true, null);
  assert.deepEqual([most.chosen.size, most.leftOut], [CHOSEN_MAX - 1, 0]);
  const all = withChosen(most, runs, true, 7);
  assert.deepEqual([all.chosen.size, all.leftOut, all.anchor], [CHOSEN_MAX, 3, 7]);
  // Again the same: nothing that is chosen is left out.
  assert.equal(withChosen(all, runs.slice(0, 9), true, null).leftOut, 0);
  const fewer = withChosen(all, between(runs, 1, 3), false, 3);
  assert.deepEqual([fewer.chosen.size, fewer.leftOut], [CHOSEN_MAX - 3, 0]);
});
