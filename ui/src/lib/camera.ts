// What of a plane is seen through a window: its upper left corner and how large a unit is drawn.

export interface Camera {
  x: number;
  y: number;
  scale: number;
}

interface Size {
  width: number;
  height: number;
}

const NEAREST = 2;
const FURTHEST = 0.04;
const EDGE = 16;

/** The whole in the window, never larger than life. With `least` it isn't made smaller than that: then its beginning
 *  is shown, in the middle of the height. */
export function cameraFit(whole: Size, window: Size, least: number): Camera {
  const fitting = Math.min(
    (window.width - 2 * EDGE) / Math.max(1, whole.width),
    (window.height - 2 * EDGE) / Math.max(1, whole.height),
    1,
  );
  const scale = Math.max(fitting, least, FURTHEST);
  const seen = { width: window.width / scale, height: window.height / scale };
  return {
    scale,
    x: seen.width >= whole.width ? (whole.width - seen.width) / 2 : -EDGE / scale,
    y: (whole.height - seen.height) / 2,
  };
}

/** Nearer by `factor`; what is at (x, y) of the window stays there. */
export function cameraZoom(now: Camera, factor: number, x: number, y: number): Camera {
  const scale = Math.max(FURTHEST, Math.min(NEAREST, now.scale * factor));
  return { scale, x: now.x + x / now.scale - x / scale, y: now.y + y / now.scale - y / scale };
}

/** Moves as little as is needed for the box to be in sight. */
export function cameraShow(now: Camera, window: Size, box: { x: number; y: number; width: number; height: number }): Camera {
  const move = (at: number, seen: number, from: number, size: number): number => {
    const edge = EDGE / now.scale;
    if (from - edge < at) return from - edge;
    return from + size + edge > at + seen ? from + size + edge - seen : at;
  };
  return {
    scale: now.scale,
    x: move(now.x, window.width / now.scale, box.x, box.width),
    y: move(now.y, window.height / now.scale, box.y, box.height),
  };
}
