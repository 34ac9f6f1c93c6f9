/** What the browser keeps: for this tab first, else what was kept last. A browser that keeps nothing still paints. */

export const KEYS = {
  session: "sam2-painter.session",
  recent: "sam2-painter.recent",
  paint: "sam2-painter.paint",
  photos: "sam2-painter.photos",
};

/** @returns {Storage[]} */
function stores() {
  try {
    return [sessionStorage, localStorage];
  } catch {
    return [];
  }
}

/** @param {string} key @param {string} value */
export function keep(key, value) {
  for (const store of stores())
    try {
      store.setItem(key, value);
    } catch {
      // full, or not allowed
    }
}

/** For all tabs alike. @param {string} key @param {string} value */
export function keepForAll(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // full, or not allowed
  }
}

/** @param {string} key @returns {string | null} */
export function kept(key) {
  for (const store of stores()) {
    const value = store.getItem(key);
    if (value !== null) return value;
  }
  return null;
}

/** @param {string} key */
export function drop(key) {
  for (const store of stores()) store.removeItem(key);
}

/**
 * @template T
 * @param {string} key
 * @param {T} otherwise
 * @returns {T}
 */
export function keptJson(key, otherwise) {
  try {
    return JSON.parse(kept(key) ?? "") ?? otherwise;
  } catch {
    return otherwise;
  }
}
