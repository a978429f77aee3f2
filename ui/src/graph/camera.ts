// Which part of the picture is seen, and how large: pure arithmetic.

export interface Camera {
  /** Picture point at the upper left corner of the view. */
  x: number;
  y: number;
  /** Pixels of the view per pixel of the picture. */
  zoom: number;
}

export interface Size {
  width: number;
  height: number;
}

export const ZOOM_MIN = 0.01;
export const ZOOM_MAX = 2.5;

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** All of a picture in the view, no larger than natural. */
export function fitted(picture: Size, view: Size): Camera {
  const zoom = clamp(Math.min(view.width / picture.width, view.height / picture.height, 1), ZOOM_MIN, ZOOM_MAX);
  return {
    zoom,
    x: (picture.width - view.width / zoom) / 2,
    y: (picture.height - view.height / zoom) / 2,
  };
}

/** The beginning of a picture, large enough to be read, if all of it would be too small. */
export function opened(picture: Size, view: Size): Camera {
  const all = fitted(picture, view);
  if (all.zoom >= 0.5 || picture.width * picture.height > 4e7) return all;
  const zoom = clamp(view.height / picture.height, 0.5, 1);
  return { zoom, x: 0, y: (picture.height - view.height / zoom) / 2 };
}

/** Larger or smaller, with one point of the view staying where it is. */
export function zoomed(camera: Camera, factor: number, at: { x: number; y: number }): Camera {
  const zoom = clamp(camera.zoom * factor, ZOOM_MIN, ZOOM_MAX);
  return {
    zoom,
    x: camera.x + at.x / camera.zoom - at.x / zoom,
    y: camera.y + at.y / camera.zoom - at.y / zoom,
  };
}

/** Moved by pixels of the view, not so far that the picture is lost. */
export function moved(camera: Camera, dx: number, dy: number, picture: Size, view: Size): Camera {
  const { zoom } = camera;
  const [w, h] = [view.width / zoom, view.height / zoom];
  return {
    zoom,
    x: clamp(camera.x - dx / zoom, -w * 0.8, picture.width - w * 0.2),
    y: clamp(camera.y - dy / zoom, -h * 0.8, picture.height - h * 0.2),
  };
}

/** Moved as little as needed for a box to be in sight. */
export function showing(camera: Camera, box: { x: number; y: number } & Size, view: Size): Camera {
  const [w, h] = [view.width / camera.zoom, view.height / camera.zoom];
  const margin = 24 / camera.zoom;
  return {
    zoom: camera.zoom,
    x: clamp(camera.x, box.x + box.width + margin - w, box.x - margin),
    y: clamp(camera.y, box.y + box.height + margin - h, box.y - margin),
  };
}
