// Pointer, wheel and keys on a graph: what they do to the camera and to what is selected.

import { type Camera, fitted, moved, showing, type Size, zoomed } from "./camera.ts";
import { taskAt } from "./draw.ts";
import type { Model } from "./model.ts";

/** Pixels that a pointer may wander and still click. */
const CLICK_MAX = 5;
const STEP = 60;

/** Pixels beside a box that still count as it: boxes can be smaller than a fingertip. */
const SLACK = 3;

export interface Hands {
  model: () => Model;
  view: () => Size;
  camera: () => Camera;
  look: (camera: Camera) => void;
  selected: () => number | null;
  select: (task: number | null) => void;
  hover: (task: number | null) => void;
}

function picture(hands: Hands): Size {
  return hands.model().layout;
}

/** The task under a point of the view. */
export function under(hands: Hands, at: { x: number; y: number }): number | null {
  const camera = hands.camera();
  const slack = SLACK / camera.zoom;
  return taskAt(hands.model(), camera.x + at.x / camera.zoom, camera.y + at.y / camera.zoom, slack);
}

/** Listens to the pointer and the wheel; returns what ends that. */
export function watchPointer(element: HTMLElement, hands: Hands): () => void {
  const control = new AbortController();
  const options = { signal: control.signal };
  const pointers = new Map<number, { x: number; y: number }>();
  let wandered = 0;
  const place = (event: MouseEvent): { x: number; y: number } => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    if (pointers.size === 1) wandered = 0;
  }, options);
  element.addEventListener("pointermove", (event) => {
    const [to, from] = [place(event), pointers.get(event.pointerId)];
    if (!from) return hands.hover(under(hands, to));
    wandered += Math.abs(to.x - from.x) + Math.abs(to.y - from.y);
    if (pointers.size === 2) pinch(hands, pointers, event.pointerId, to);
    else if (wandered > CLICK_MAX) hands.look(moved(hands.camera(), to.x - from.x, to.y - from.y, picture(hands), hands.view()));
    pointers.set(event.pointerId, to);
  }, options);
  const end = (event: PointerEvent): void => {
    const isClick = pointers.size === 1 && wandered <= CLICK_MAX && event.type === "pointerup";
    pointers.delete(event.pointerId);
    if (isClick) hands.select(under(hands, place(event)));
  };
  element.addEventListener("pointerup", end, options);
  element.addEventListener("pointercancel", end, options);
  element.addEventListener("pointerleave", () => hands.hover(null), options);
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 20 : 1;
    if (event.shiftKey) hands.look(moved(hands.camera(), -event.deltaY * lines, -event.deltaX * lines, picture(hands), hands.view()));
    else hands.look(zoomed(hands.camera(), Math.exp(-event.deltaY * lines * 0.0015), place(event)));
  }, { ...options, passive: false });
  return () => control.abort();
}

function pinch(hands: Hands, pointers: Map<number, { x: number; y: number }>, id: number, to: { x: number; y: number }): void {
  const other = [...pointers].find(([one]) => one !== id)?.[1];
  const from = pointers.get(id);
  if (!other || !from) return;
  const before = Math.hypot(from.x - other.x, from.y - other.y);
  const after = Math.hypot(to.x - other.x, to.y - other.y);
  const middle = { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 };
  if (before > 0) hands.look(zoomed(hands.camera(), after / before, middle));
}

/** Does what a key asks for; whether it meant something here. */
export function press(hands: Hands, key: string, isShifted: boolean): boolean {
  const view = hands.view();
  const middle = { x: view.width / 2, y: view.height / 2 };
  if (key === "+" || key === "=") hands.look(zoomed(hands.camera(), 1.25, middle));
  else if (key === "-") hands.look(zoomed(hands.camera(), 0.8, middle));
  else if (key === "0") hands.look(fitted(picture(hands), view));
  else if (key === "Escape") hands.select(null);
  else if (key.startsWith("Arrow")) arrow(hands, key, isShifted);
  else return false;
  return true;
}

function arrow(hands: Hands, key: string, isShifted: boolean): void {
  const [dx, dy] = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key] ?? [0, 0];
  if (isShifted) return hands.look(moved(hands.camera(), dx! * STEP, dy! * STEP, picture(hands), hands.view()));
  const model = hands.model();
  const current = hands.selected();
  const next = current === null ? first(model) : neighbour(model, current, key);
  if (next === null) return;
  hands.select(next);
  const { layout } = model;
  const box = { x: layout.x[next]!, y: layout.y[next]!, width: layout.box_width, height: layout.box_height };
  hands.look(showing(hands.camera(), box, hands.view()));
}

/** The task furthest to the left, and of those the topmost. */
function first(model: Model): number | null {
  const { x, y } = model.layout;
  let best: number | null = null;
  for (let task = 0; task < x.length; task += 1) {
    if (best === null || x[task]! < x[best]! || (x[task] === x[best] && y[task]! < y[best]!)) best = task;
  }
  return best;
}

/** To the sides along the edges, up and down within the column. */
function neighbour(model: Model, task: number, key: string): number | null {
  const { x, y } = model.layout;
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const along = key === "ArrowLeft" ? model.parents[task]! : model.children[task]!;
    const distance = (other: number): number => Math.abs(y[other]! - y[task]!);
    return along.reduce<number | null>((best, other) => (best === null || distance(other) < distance(best) ? other : best), null);
  }
  const sign = key === "ArrowUp" ? -1 : 1;
  let best: number | null = null;
  for (let other = 0; other < x.length; other += 1) {
    const ahead = sign * (y[other]! - y[task]!);
    if (x[other] !== x[task] || ahead <= 0) continue;
    if (best === null || ahead < sign * (y[best]! - y[task]!)) best = other;
  }
  return best;
}
