// Draws a graph on a canvas. What would be too small to be seen is left out: far away, tasks are blocks of colour
// without edges; nearer, boxes; near, boxes with shape and name.

import { SHAPES } from "../parts/status.tsx";
import type { TaskStatus } from "../core/wire.ts";
import type { Camera, Size } from "./camera.ts";
import type { Model, TaskMood } from "./model.ts";

/** Zoom above which edges, and names, are drawn. */
const EDGES_FROM = 0.09;
export const NAMES_FROM = 0.42;

/** Edges drawn at a time: all that are in sight, or fewer while the picture moves. */
const EDGES_MAX = 12_000;
const EDGES_MOVING_MAX = 2_500;
const CURVES_MAX = 2_000;

/** Characters of a name that fit into a box. */
const NAME_MAX = 19;

export interface Colours {
  status: Record<TaskStatus, string>;
  panel: string;
  line: string;
  text: string;
  soft: string;
  accent: string;
}

export interface Scene {
  model: Model;
  moods: TaskMood[];
  selected: number | null;
  hovered: number | null;
  isMoving: boolean;
}

const paths = new Map(Object.entries(SHAPES).map(([status, text]) => [status as TaskStatus, new Path2D(text)]));

/** The colours of the page, as the style sheet has them now. */
export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const status = Object.fromEntries(Object.keys(SHAPES).map((name) => [name, colour(name)]));
  return {
    status: status as Record<TaskStatus, string>,
    panel: colour("panel"), line: colour("line"), text: colour("text"), soft: colour("soft"), accent: colour("accent"),
  };
}

export function draw(context: CanvasRenderingContext2D, scene: Scene, camera: Camera, view: Size, colours: Colours): void {
  const ratio = devicePixelRatio || 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, view.width, view.height);
  const { zoom } = camera;
  context.setTransform(ratio * zoom, 0, 0, ratio * zoom, -camera.x * zoom * ratio, -camera.y * zoom * ratio);
  const sight = { left: camera.x, top: camera.y, right: camera.x + view.width / zoom, bottom: camera.y + view.height / zoom };
  if (zoom >= EDGES_FROM) drawEdges(context, scene, sight, zoom, colours);
  drawBoxes(context, scene, sight, zoom, colours);
}

type Sight = { left: number; top: number; right: number; bottom: number };

function drawEdges(context: CanvasRenderingContext2D, scene: Scene, sight: Sight, zoom: number, colours: Colours): void {
  const { layout } = scene.model;
  const [w, h] = [layout.box_width, layout.box_height / 2];
  const most = scene.isMoving ? EDGES_MOVING_MAX : EDGES_MAX;
  const seen: number[] = [];
  const count = layout.edges_from.length;
  for (let edge = 0; edge < count && seen.length <= most; edge += 1) {
    const [a, b] = [layout.edges_from[edge]!, layout.edges_to[edge]!];
    const [ax, ay, bx, by] = [layout.x[a]! + w, layout.y[a]! + h, layout.x[b]!, layout.y[b]! + h];
    // An edge with bends can leave the height of its ends.
    const isBent = scene.model.firstBend[edge] !== scene.model.firstBend[edge + 1];
    const isAside = ax > sight.right || bx < sight.left;
    const isSeen = !isAside && (isBent || (Math.min(ay, by) <= sight.bottom && Math.max(ay, by) >= sight.top));
    if (isSeen) seen.push(edge);
  }
  const trace = (edge: number, isCurved: boolean): void => {
    const [a, b] = [layout.edges_from[edge]!, layout.edges_to[edge]!];
    let [x, y] = [layout.x[a]! + w, layout.y[a]! + h];
    context.moveTo(x, y);
    const reach = (toX: number, toY: number): void => {
      const half = (toX - x) / 2;
      if (isCurved && toY !== y) context.bezierCurveTo(x + half, y, toX - half, toY, toX, toY);
      else context.lineTo(toX, toY);
    };
    for (let bend = scene.model.firstBend[edge]!; bend < scene.model.firstBend[edge + 1]!; bend += 1) {
      reach(layout.bend_x[bend]!, layout.bend_y[bend]!);
      [x, y] = [layout.bend_x[bend]! + w, layout.bend_y[bend]!];
      context.lineTo(x, y);
    }
    reach(layout.x[b]!, layout.y[b]! + h);
  };
  const isCurved = seen.length <= CURVES_MAX;
  context.beginPath();
  for (const edge of seen) trace(edge, isCurved);
  context.strokeStyle = colours.line;
  context.lineWidth = Math.max(1, 0.7 / zoom);
  context.stroke();
  const chosen = scene.selected ?? scene.hovered;
  if (chosen === null) return;
  context.beginPath();
  for (const edge of seen) {
    if (layout.edges_from[edge] === chosen || layout.edges_to[edge] === chosen) trace(edge, isCurved);
  }
  context.strokeStyle = colours.accent;
  context.lineWidth = Math.max(1.8, 1.2 / zoom);
  context.stroke();
}

function drawBoxes(context: CanvasRenderingContext2D, scene: Scene, sight: Sight, zoom: number, colours: Colours): void {
  const { layout } = scene.model;
  const [w, h] = [layout.box_width, layout.box_height];
  const isNear = zoom >= NAMES_FROM;
  context.font = "13px system-ui, sans-serif";
  context.textBaseline = "middle";
  let fill = "";
  for (let task = 0; task < layout.x.length; task += 1) {
    const [x, y] = [layout.x[task]!, layout.y[task]!];
    if (x > sight.right || x + w < sight.left || y > sight.bottom || y + h < sight.top) continue;
    const colour = colours.status[scene.moods[task]?.status ?? "waiting"];
    if (isNear) {
      drawBox(context, scene, task, x, y, colours);
      continue;
    }
    if (colour !== fill) context.fillStyle = fill = colour;
    context.fillRect(x, y, w, h);
  }
  for (const [task, width] of [[scene.hovered, 1.5], [scene.selected, 2.5]] as const) {
    if (task === null) continue;
    context.strokeStyle = colours.accent;
    context.lineWidth = Math.max(width, width / zoom);
    context.beginPath();
    context.roundRect(layout.x[task]! - 2, layout.y[task]! - 2, w + 4, h + 4, 6);
    context.stroke();
  }
}

function drawBox(context: CanvasRenderingContext2D, scene: Scene, task: number, x: number, y: number, colours: Colours): void {
  const { layout } = scene.model;
  const [w, h, parts] = [layout.box_width, layout.box_height, layout.parts[task]!];
  const mood = scene.moods[task] ?? { status: "waiting" as const, over: 0, worst: 0 };
  const colour = colours.status[mood.status];
  context.fillStyle = colours.panel;
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(x + 0.5, y + 0.5, w - 1, h - 1, 5);
  context.fill();
  context.stroke();
  if (parts > 1) {
    // A parallel task shows how many of its parts are over.
    context.fillStyle = colour;
    context.fillRect(x + 3, y + h - 4, ((w - 6) * mood.over) / parts, 2);
  }
  context.save();
  context.translate(x + 6, y + 5);
  context.strokeStyle = colour;
  context.lineWidth = 1.8;
  context.lineJoin = context.lineCap = "round";
  const path = paths.get(mood.status)!;
  if (mood.status === "running") {
    context.fillStyle = colour;
    context.fill(path);
  }
  context.stroke(path);
  context.restore();
  context.fillStyle = colours.text;
  const name = layout.names[task]!;
  const suffix = parts > 1 ? ` ×${parts}` : "";
  const room = NAME_MAX - suffix.length;
  context.fillText((name.length > room ? `${name.slice(0, room - 1)}…` : name) + suffix, x + 27, y + h / 2 + 0.5);
}

/** The task at a point of the picture, or the nearest one that is not further away than `slack`. */
export function taskAt(model: Model, x: number, y: number, slack: number): number | null {
  const { layout } = model;
  let [best, nearest] = [null as number | null, slack];
  for (let task = 0; task < layout.x.length; task += 1) {
    const [left, top] = [layout.x[task]!, layout.y[task]!];
    const aside = Math.max(left - x, 0, x - left - layout.box_width);
    const above = Math.max(top - y, 0, y - top - layout.box_height);
    const distance = Math.hypot(aside, above);
    if (distance === 0) return task;
    if (distance < nearest) [best, nearest] = [task, distance];
  }
  return best;
}
