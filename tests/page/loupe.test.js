/** Where the loupe lies, beside the finger. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { besideFinger } from "../../sam2_painter/web/page/static/stage/loupe.js";

const SIZE = 124;
const ROOM = { width: 390, height: 500 };

test("wherever the finger is, the loupe is on the stage and not under it", () => {
  for (let x = 0; x <= ROOM.width; x += 5)
    for (let y = 0; y <= ROOM.height; y += 5) {
      const at = besideFinger({ x, y }, ROOM);
      assert.ok(at.x >= 0 && at.x + SIZE <= ROOM.width, `${x}, ${y}`);
      assert.ok(at.y >= 0 && at.y + SIZE <= ROOM.height, `${x}, ${y}`);
      const [dx, dy] = [at.x + SIZE / 2 - x, at.y + SIZE / 2 - y];
      assert.ok(Math.hypot(dx, dy) > SIZE / 2 + 20, `${x}, ${y}`);
    }
});

test("it is above the finger where there is room", () => {
  const at = besideFinger({ x: 200, y: 300 }, ROOM);
  assert.equal(at.x + SIZE / 2, 200);
  assert.ok(at.y + SIZE < 300);
});
