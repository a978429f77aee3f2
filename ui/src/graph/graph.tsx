// The graph of a run: a canvas that is looked around in, and what is told to those who cannot see it.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { States } from "../core/wire.ts";
import { type Camera, fitted, opened, type Size, zoomed } from "./camera.ts";
import { coloursOf, type Colours, draw, NAMES_FROM, type Scene } from "./draw.ts";
import { type Hands, press, watchPointer } from "./hands.ts";
import { type Model, moods } from "./model.ts";

/** How long after the last movement all edges are drawn again. */
const REST_MS = 140;

export function Graph({ model, states, selected, select }: {
  model: Model;
  states: States;
  selected: number | null;
  select: (task: number | null) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const [hovered, hover] = useState<number | null>(null);
  const mood = useMemo(() => moods(model, states), [model, states]);
  const current = useRef({ model, selected, select });
  current.current = { model, selected, select };
  useEffect(() => {
    const made = new Painter(canvas.current!, model);
    painter.current = made;
    const stop = watchPointer(canvas.current!, handsOf(made, current, hover));
    return () => {
      stop();
      made.end();
    };
  }, [model]);
  useEffect(() => {
    painter.current?.show({ model, moods: mood, selected, hovered, isMoving: false });
  }, [model, mood, selected, hovered]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || !painter.current) return;
    if (press(handsOf(painter.current, current, hover), event.key, event.shiftKey)) event.preventDefault();
  };
  const zoom = (factor: number) => () => painter.current?.zoom(factor);
  const name = hovered ?? selected;
  return (
    <div class="graph">
      <canvas
        ref={canvas} tabIndex={0} role="img" onKeyDown={onKeyDown}
        style={{ height: `min(62vh, ${Math.max(model.layout.height + 120, 260)}px)` }}
        aria-label={`Graph of ${model.layout.names.length} tasks. Arrow keys go from task to task. The list has the same as a table.`}
      />
      <div class="tools">
        <button type="button" onClick={zoom(1.4)} aria-label="Larger">+</button>
        <button type="button" onClick={zoom(1 / 1.4)} aria-label="Smaller">−</button>
        <button type="button" onClick={() => painter.current?.fit()}>All</button>
      </div>
      <p class="under" aria-live="polite">
        {name === null ? "Drag to move, scroll to zoom, click a task." : `${model.layout.names[name]}: ${mood[name]?.status}`}
      </p>
    </div>
  );
}

type Current = { current: { model: Model; selected: number | null; select: (task: number | null) => void } };

function handsOf(painter: Painter, current: Current, hover: (task: number | null) => void): Hands {
  return {
    model: () => current.current.model,
    view: () => painter.view,
    camera: () => painter.camera,
    look: (camera) => painter.look(camera),
    selected: () => current.current.selected,
    select: (task) => current.current.select(task),
    hover,
  };
}

/** Tasks from which on a plate is worth it, and pixels that it may have. */
const PLATE_TASKS_MIN = 500;
const PLATE_PIXELS_MAX = 6e6;

function isSame(a: Scene, b: Scene): boolean {
  return a.moods === b.moods && a.selected === b.selected && a.hovered === b.hovered;
}

/** Draws when something has changed, once a frame at most. */
class Painter {
  view: Size = { width: 1, height: 1 };
  camera: Camera;
  #scene: Scene | null = null;
  #colours: Colours;
  #frame = 0;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #isFitted = false;
  /** All of the picture at one zoom, when that is small enough: moving it is then one copy. */
  #plate: { canvas: HTMLCanvasElement; zoom: number; scene: Scene } | null = null;
  readonly #watch: ResizeObserver;
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");

  constructor(readonly canvas: HTMLCanvasElement, readonly model: Model) {
    this.#colours = coloursOf(canvas);
    this.camera = { x: 0, y: 0, zoom: 1 };
    this.#watch = new ResizeObserver(() => this.#measure());
    this.#watch.observe(canvas);
    this.#dark.addEventListener("change", this.#recolour);
    this.#measure();
  }

  readonly #recolour = (): void => {
    this.#plate = null;
    this.#colours = coloursOf(this.canvas);
    this.#ask();
  };

  #measure(): void {
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (width === 0 || height === 0) return;
    this.view = { width, height };
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    if (!this.#isFitted) this.camera = opened(this.model.layout, this.view);
    this.#isFitted = true;
    this.#paint();
  }

  show(scene: Scene): void {
    this.#scene = scene;
    this.#ask();
  }

  look(camera: Camera): void {
    this.camera = camera;
    if (this.#scene) this.#scene.isMoving = true;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      if (this.#scene) this.#scene.isMoving = false;
      this.#ask();
    }, REST_MS);
    this.#ask();
  }

  zoom(factor: number): void {
    this.look(zoomed(this.camera, factor, { x: this.view.width / 2, y: this.view.height / 2 }));
  }

  fit(): void {
    this.look(fitted(this.model.layout, this.view));
  }

  #ask(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const context = this.canvas.getContext("2d");
    if (!context || !this.#scene) return;
    if (!this.#copyPlate(context)) draw(context, this.#scene, this.camera, this.view, this.#colours);
    const { x, y, zoom } = this.camera;
    // For whoever wants to know what is where without looking.
    if (this.canvas.dataset.camera === undefined) performance.mark("graph drawn");
    this.canvas.dataset.camera = `${x} ${y} ${zoom}`;
  }

  /** Draws from the plate, made anew if it is of something else; whether there can be one. */
  #copyPlate(context: CanvasRenderingContext2D): boolean {
    const [ratio, scene] = [devicePixelRatio || 1, this.#scene!];
    const { x, y, zoom } = this.camera;
    const { width, height } = this.model.layout;
    const size = { width: Math.ceil(width * zoom), height: Math.ceil(height * zoom) };
    const pixels = size.width * size.height * ratio * ratio;
    if (zoom >= NAMES_FROM || this.model.layout.names.length < PLATE_TASKS_MIN || pixels > PLATE_PIXELS_MAX) return false;
    const old = this.#plate;
    if (!old || old.zoom !== zoom || !isSame(old.scene, scene)) {
      const canvas = old?.canvas ?? document.createElement("canvas");
      [canvas.width, canvas.height] = [Math.max(1, size.width * ratio), Math.max(1, size.height * ratio)];
      draw(canvas.getContext("2d")!, { ...scene, isMoving: false }, { x: 0, y: 0, zoom }, size, this.#colours);
      this.#plate = { canvas, zoom, scene: { ...scene } };
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    context.drawImage(this.#plate!.canvas, Math.round(-x * zoom * ratio), Math.round(-y * zoom * ratio));
    return true;
  }

  end(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#rest);
    this.#watch.disconnect();
    this.#dark.removeEventListener("change", this.#recolour);
  }
}
