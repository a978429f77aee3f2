// The page of Fasti: shows what the native interface says, and follows the log for changes. It decides nothing
// and keeps nothing. Text from outside becomes text nodes only, never markup.
"use strict";

const API = "/api/v1";
const main = document.getElementById("main");
const live = document.getElementById("live");
let drawing = 0;

/** An element with properties and children; strings become text. */
function element(name, properties, ...children) {
  const node = document.createElement(name);
  Object.assign(node, properties);
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) node.append(child instanceof Node ? child : visible(String(child)));
  }
  return node;
}

/** Shows characters that would turn or hide text. */
function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

function headers(more) {
  const token = sessionStorage.getItem("fasti-token");
  return token ? { ...more, Authorization: "Bearer " + token } : { ...more };
}

async function ask(path, options) {
  const answer = await fetch(API + path, { ...options, headers: headers(options && options.headers) });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const error = new Error(problem.detail || answer.status + " " + answer.statusText);
  error.status = answer.status;
  throw error;
}

const read = async (path) => (await ask(path)).json();

const status = (word) => element("span", { className: "status " + word }, word);
const link = (href, text) => element("a", { href }, text);
const when = (text) => (text ? text.replace("T", " ").replace("Z", "") : "–");

function lasted(item) {
  if (!item.started_at) return "–";
  const end = item.finished_at ? Date.parse(item.finished_at) : Date.now();
  const seconds = Math.max(0, (end - Date.parse(item.started_at)) / 1000);
  if (seconds < 60) return seconds.toFixed(1) + " s";
  return Math.floor(seconds / 60) + " min " + Math.floor(seconds % 60) + " s";
}

function table(names, rows, nothing) {
  if (rows.length === 0) return element("p", {}, nothing);
  const head = element("tr", {}, names.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map((cells) => element("tr", {}, cells.map((cell) =>
    element("td", { className: typeof cell === "number" ? "number" : "" }, cell))));
  return element("div", { className: "scroll" }, element("table", {}, element("thead", {}, head), element("tbody", {}, body)));
}

function facts(pairs) {
  return element("dl", {}, pairs.flatMap(([name, value]) =>
    value === null || value === undefined || value === "" ? [] : [element("dt", {}, name), element("dd", {}, value)]));
}

function runsTable(runs) {
  const rows = runs.map((run) => [
    link("/ui/runs/" + run.id, String(run.id)), run.batch_name + (run.tag === "dev" ? "" : " (" + run.tag + ")"),
    status(run.status), run.rundate || "–", run.run_type, when(run.created_at), lasted(run),
    Object.entries(run.task_counts).map(([word, count]) => count + " " + word).join(", "),
  ]);
  return table(["Run", "Batch", "Status", "Date", "Made by", "Made at", "Lasted", "Tasks"], rows, "No runs yet.");
}

function more(count, total) {
  return total > count ? element("p", {}, "The newest " + count + " of " + total + ".") : null;
}

async function drawRuns() {
  const page = await read("/runs?order=desc&limit=100");
  return [element("h1", {}, "Runs"), runsTable(page.items), more(page.items.length, page.total)];
}

async function drawBatches() {
  const page = await read("/batches?limit=1000");
  const rows = page.items.map((batch) => [
    link("/ui/batches/" + batch.id, batch.name), batch.tag, "v" + batch.version, batch.tasks.length, batch.run_count,
    batch.last_run ? status(batch.last_run.status) : "–", batch.owner, batch.paused ? "paused" : "",
  ]);
  return [element("h1", {}, "Batches"),
    table(["Name", "Tag", "Version", "Tasks", "Runs", "Last run", "Owner", ""], rows, "No batches yet.")];
}

function button(text, path) {
  const node = element("button", { type: "button" }, text);
  node.addEventListener("click", async () => {
    node.disabled = true;
    try {
      await ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
    } catch (error) {
      node.after(element("span", { className: "failure" }, " " + error.message));
    }
    node.disabled = false;
  });
  return node;
}

async function drawBatch(id) {
  const batch = await read("/batches/" + encodeURIComponent(id));
  const runs = await read("/runs?order=desc&limit=50&batch_id=" + encodeURIComponent(id));
  const tasks = batch.tasks.map((task) => [task.name, task.entrypoint || (task.command || []).join(" "),
    task.kind === "parallel" ? "parallel" : "", task.description]);
  return [element("h1", {}, batch.name + " (" + batch.tag + ")"),
    facts([["Version", String(batch.version)], ["Owner", batch.owner], ["Permissions", batch.permissions],
      ["Schedule", batch.schedule_description], ["Deleted", batch.deleted_at]]),
    batch.deleted_at ? null : element("p", {}, button("Start a run", "/batches/" + encodeURIComponent(id) + "/runs")),
    element("h2", {}, "Runs"), runsTable(runs.items), more(runs.items.length, runs.total),
    element("h2", {}, "Tasks"), table(["Name", "Runs", "", "Description"], tasks, "None.")];
}

async function drawRun(id) {
  const run = await read("/runs/" + encodeURIComponent(id));
  const page = await read("/runs/" + encodeURIComponent(id) + "/tasks?limit=500");
  const rows = page.items.map((task) => [
    link("/ui/task-runs/" + task.id, task.name), status(task.status),
    task.status_reason || task.queue_reason || (task.reused_from ? "taken over from " + task.reused_from : ""),
    task.attempt + " of " + task.max_attempts, when(task.started_at), lasted(task),
  ]);
  const over = ["success", "failure", "cancelled"].includes(run.status);
  return [element("h1", {}, "Run " + run.id + " of ", link("/ui/batches/" + run.batch_id, run.batch_name)),
    facts([["Status", status(run.status)], ["Reason", run.status_reason], ["Date", run.rundate],
      ["Asked for by", run.requested_by], ["Made", when(run.created_at)], ["Lasted", lasted(run)],
      ["Repeats", run.original_run_id ? link("/ui/runs/" + run.original_run_id, String(run.original_run_id)) : null]]),
    element("p", {}, over ? button("Run again", "/runs/" + run.id + "/rerun") : button("Cancel", "/runs/" + run.id + "/cancel")),
    table(["Task", "Status", "", "Attempt", "Started", "Lasted"], rows, "No tasks."),
    page.next_cursor ? element("p", {}, "The first 500 of " + run.task_runs + ".") : null];
}

async function drawTaskRun(id) {
  const path = "/task-runs/" + encodeURIComponent(id);
  const task = await read(path);
  const outputs = await Promise.all(["stdout", "stderr"].map(async (stream) =>
    (await ask(path + "/logs?tail=65536&stream=" + stream)).text()));
  return [element("h1", {}, "Task " + task.name + " of run ", link("/ui/runs/" + task.run_id, String(task.run_id))),
    facts([["Status", status(task.status)], ["Reason", task.status_reason], ["Waits", task.queue_reason],
      ["Runs", task.entrypoint || (task.command || []).join(" ")], ["Started", when(task.started_at)],
      ["Lasted", lasted(task)], ["Result", task.result ? task.result.size + " bytes, " + task.result.format : null]]),
    table(["Attempt", "Started", "Ended", "Exit", "Reason"], task.attempts.map((attempt) =>
      [attempt.number, when(attempt.started_at), when(attempt.finished_at),
        attempt.exit_code === null ? attempt.outcome || "–" : attempt.exit_code, attempt.reason]), "No attempts yet."),
    element("h2", {}, "Output"), element("pre", {}, outputs[0] || "(nothing)"),
    element("h2", {}, "Errors"), element("pre", {}, outputs[1] || "(nothing)")];
}

async function drawEvents() {
  const first = await read("/health");
  const after = Math.max(0, first.log_seq - 200);
  const page = await read("/events?limit=200&after=" + after);
  const rows = page.items.reverse().map((event) => [event.seq, when(event.time), event.type, event.actor,
    event.run_id ? link("/ui/runs/" + event.run_id, String(event.run_id)) : "", JSON.stringify(event.data).slice(0, 300)]);
  return [element("h1", {}, "Events"), table(["Position", "Time", "Type", "Actor", "Run", "Data"], rows, "Nothing yet.")];
}

function view() {
  const parts = location.pathname.replace(/^\/ui\/?/, "").split("/").filter((part) => part !== "");
  if (parts[0] === "runs" && parts[1]) return () => drawRun(parts[1]);
  if (parts[0] === "batches" && parts[1]) return () => drawBatch(parts[1]);
  if (parts[0] === "task-runs" && parts[1]) return () => drawTaskRun(parts[1]);
  if (parts[0] === "batches") return drawBatches;
  if (parts[0] === "events") return drawEvents;
  return drawRuns;
}

function askForToken() {
  const input = element("input", { type: "password", autocomplete: "off", ariaLabel: "Token" });
  const form = element("form", {}, element("p", {}, "This server wants a token."), input, " ", element("button", {}, "Use it"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem("fasti-token", input.value);
    location.reload();
  });
  return form;
}

async function draw() {
  const turn = ++drawing;
  let content;
  try {
    content = await view()();
  } catch (error) {
    content = [error.status === 401 ? askForToken() : element("p", { className: "failure" }, error.message)];
  }
  if (turn === drawing) main.replaceChildren(...content.filter((node) => node !== null));
}

// Changes come in bursts; the page is drawn at most twice a second.
let due = null;
function changed() {
  if (due === null) {
    due = setTimeout(async () => { await draw(); due = null; }, 500);
  }
}

/** Follows the log with fetch, because EventSource cannot send a token. */
async function follow() {
  let position = null;
  for (;;) {
    try {
      if (position === null) position = (await read("/health")).log_seq;
      const answer = await ask("/events", { headers: { Accept: "text/event-stream", "Last-Event-ID": String(position) } });
      live.textContent = "live";
      changed(); // what happened before the stream began
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const id = /^id: (\d+)$/m.exec(block);
          if (id) { position = Number(id[1]); changed(); }
        }
      }
    } catch (error) {
      if (error.status === 401) return;
    }
    live.textContent = "connecting";
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

draw();
follow();
