import assert from "node:assert/strict";
import { test } from "node:test";

import { Camera } from "../../sam2_painter/web/page/static/stage/camera.js";

/** @param {number} width @param {number} height */
function fitted(width, height) {
  const camera = new Camera();
  camera.photo = { width, height };
  camera.room = { width: 1000, height: 500 };
  camera.fit();
  return camera;
}

test("a photo is fitted into its room, in the middle of it", () => {
  const camera = fitted(4000, 3000);
  assert.equal(camera.scale, 500 / 3000);
  const corner = camera.toScreen({ x: 0, y: 0 });
  assert.ok(Math.abs(corner.x - (1000 - (4000 * 500) / 3000) / 2) < 1e-9);
  assert.ok(Math.abs(corner.y) < 1e-9);
  assert.deepEqual(camera.visible(), [0, 0, 4000, 3000]);
});

test("screen and photo are each other's inverse, wherever the camera is", () => {
  const camera = fitted(1200, 900);
  camera.zoom(3, { x: 300, y: 200 });
  camera.pan(-40, 25);
  const there = camera.toPhoto({ x: 123, y: 321 });
  const back = camera.toScreen(there);
  assert.ok(Math.hypot(back.x - 123, back.y - 321) < 1e-9);
});

test("zooming leaves what is under the pointer where it is", () => {
  const camera = fitted(4000, 3000);
  const at = { x: 480, y: 260 };
  const before = camera.toPhoto(at);
  camera.zoom(2.5, at);
  const after = camera.toPhoto(at);
  assert.ok(Math.hypot(after.x - before.x, after.y - before.y) < 1e-6);
  assert.ok(Math.abs(camera.zoomed - 2.5) < 1e-9);
});

test("its edges can be moved a little into the stage and no further, and it never becomes smaller than fitted", () => {
  const camera = fitted(4000, 3000);
  camera.zoom(4);
  camera.pan(1e6, 1e6);
  const { x, y } = camera.toScreen({ x: 0, y: 0 });
  assert.ok(x > 40 && x < 80 && Math.abs(x - y) < 1e-6);
  camera.pan(-1e6, -1e6);
  const end = camera.toScreen({ x: 4000, y: 3000 });
  assert.ok(Math.abs(end.x - (1000 - x)) < 1e-6 && Math.abs(end.y - (500 - y)) < 1e-6);
  camera.zoom(0.001);
  assert.equal(camera.zoomed, 1);
  assert.ok(camera.fitted);
});

test("a photo that is fitted stays so when the room changes", () => {
  const camera = fitted(1000, 1000);
  camera.room = { width: 300, height: 900 };
  camera.settle();
  assert.equal(camera.scale, 0.3);
});
