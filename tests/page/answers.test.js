import assert from "node:assert/strict";
import { test } from "node:test";

import { percent } from "../../sam2_painter/web/page/static/panel/answers.js";

test("a share is told so that small ones are not nothing", () => {
  assert.deepEqual([0.172, 0.0108, 0.0042, 0.0005].map(percent), ["17.2%", "1.1%", "0.42%", "0.05%"]);
});
