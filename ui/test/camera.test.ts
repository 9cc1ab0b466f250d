import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraFit, cameraShow, cameraZoom } from "../src/lib/camera";

const window = { width: 800, height: 600 };

test("a small picture stands in the middle, a large one is made to fit", () => {
  assert.deepEqual(cameraFit({ width: 400, height: 300 }, window, 0), { scale: 1, x: -200, y: -150 });
  const far = cameraFit({ width: 7680, height: 300 }, window, 0);
  assert.equal(far.scale, 0.1);
  assert.equal(cameraFit({ width: 7680, height: 300 }, window, 0.5).scale, 0.5);
  assert.equal(cameraFit({ width: 7680, height: 300 }, window, 0.5).x, -32);
});

test("zooming keeps what is under the pointer", () => {
  const now = { x: 10, y: 20, scale: 1 };
  const near = cameraZoom(now, 2, 100, 100);
  assert.equal(near.x + 100 / near.scale, 110);
  assert.equal(cameraZoom(now, 1e9, 0, 0).scale, 2);
  assert.ok(cameraZoom(now, 1e-9, 0, 0).scale > 0);
});

test("a box out of sight is brought in, one in sight moves nothing", () => {
  const now = { x: 0, y: 0, scale: 1 };
  assert.deepEqual(cameraShow(now, window, { x: 100, y: 100, width: 50, height: 50 }), now);
  assert.deepEqual(cameraShow(now, window, { x: 1000, y: 100, width: 50, height: 50 }), { x: 266, y: 0, scale: 1 });
  assert.deepEqual(cameraShow(now, window, { x: -100, y: 100, width: 50, height: 50 }).x, -116);
});
