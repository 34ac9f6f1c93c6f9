import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { channels, coverTable } from "../../sam2_painter/web/page/static/stage/tryon.js";

// The same file is checked against the painter itself, in tests/test_golden.py.
const golden = JSON.parse(readFileSync(new URL("paint-tables.json", import.meta.url), "utf-8"));

test("the browser covers a wall by the server's own tables", () => {
  assert.ok(golden.length >= 9);
  for (const { mode, color, light, shadow, codes } of golden) {
    const table = coverTable(mode, color, light, shadow);
    for (const [code, painted] of codes)
      assert.ok(
        Math.abs(table[code] - painted) <= 1.5,
        `${mode} ${color} ${light} ${shadow}: ${code} -> ${table[code]}`,
      );
  }
});

test("a colour has three channels", () => assert.deepEqual(channels("#0a80ff"), [10, 128, 255]));
