/** Making and finding elements. What people wrote (file names, wall names) goes in as text, never as HTML. */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [properties] properties of the element, or attributes where it has none of that name
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function node(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) Reflect.set(made, key, value);
    else made.setAttribute(key, String(value));
  }
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** One of the drawings of the sprite. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#sp-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/**
 * The element a selector names; the page is broken without it.
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function one(root, selector) {
  const found = root.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`The page has no ${selector}`);
  return found;
}

/** The same for a field. @param {ParentNode} root @param {string} selector @returns {HTMLInputElement} */
export function field(root, selector) {
  const found = root.querySelector(selector);
  if (!(found instanceof HTMLInputElement)) throw new Error(`The page has no field ${selector}`);
  return found;
}

/** The same for a button. @param {ParentNode} root @param {string} selector @returns {HTMLButtonElement} */
export function button(root, selector) {
  const found = root.querySelector(selector);
  if (!(found instanceof HTMLButtonElement)) throw new Error(`The page has no button ${selector}`);
  return found;
}

/** The same for a list to choose from. @param {ParentNode} root @param {string} selector @returns {HTMLSelectElement} */
export function select(root, selector) {
  const found = root.querySelector(selector);
  if (!(found instanceof HTMLSelectElement)) throw new Error(`The page has no list ${selector}`);
  return found;
}

/** All inputs a selector names. @param {ParentNode} root @param {string} selector @returns {HTMLInputElement[]} */
export const fields = (root, selector) =>
  [...root.querySelectorAll(selector)].filter((e) => e instanceof HTMLInputElement);

/**
 * What a field says, unless somebody is writing something else into it.
 * @param {HTMLInputElement} input
 * @param {string} value
 */
export function fillIn(input, value) {
  const writing = input === document.activeElement && input.value !== input.defaultValue;
  input.defaultValue = value;
  if (!writing) input.value = value;
}

/** The value of the chosen radio button of a group. @param {ParentNode} root @param {string} name */
export const chosen = (root, name) => field(root, `[name="${name}"]:checked`).value;

/**
 * Keep an element where it can be seen and pressed: in the dialog that is open, which covers everything else, or where
 * it was.
 * @param {HTMLElement} root
 * @param {HTMLElement} element
 * @returns {() => void} to call when there is something to be seen
 */
export function followDialogs(root, element) {
  const { parentElement: home, nextSibling: next } = element;
  const follow = () => {
    const place = root.querySelector("dialog[open]") ?? home;
    if (element.parentElement !== place) place?.insertBefore(element, place === home ? next : null);
  };
  root.addEventListener("close", follow, true);
  return follow;
}

// -- rows of buttons: one stop of the Tab key for a whole row; within it the arrows move ------------------------------

const ROWS = ".sp-row";

/**
 * @param {Element} row
 * @param {Element | null} [to] the button that Tab reaches
 */
export function rove(row, to = row.querySelector("[aria-pressed=true]") ?? row.firstElementChild) {
  for (const child of row.children) if (child instanceof HTMLElement) child.tabIndex = child === to ? 0 : -1;
}

/**
 * New buttons in place of old ones: who was on one of them by key stays in the row.
 * @param {HTMLElement} row
 * @param {HTMLElement[]} buttons
 */
export function refill(row, buttons) {
  const place = document.activeElement ? [...row.children].indexOf(document.activeElement) : -1;
  row.replaceChildren(...buttons);
  rove(row);
  if (place >= 0) buttons[Math.min(place, buttons.length - 1)]?.focus();
}

/**
 * The elements of a list, in their order. The one that has the focus is not moved, the others are: it would lose it.
 * @param {HTMLElement} list
 * @param {HTMLElement[]} items
 */
export function arrange(list, items) {
  for (const item of [...list.children]) if (item instanceof HTMLElement && !items.includes(item)) item.remove();
  if (items.every((item, place) => item === list.children[place])) return;
  const here = items.findIndex((item) => item.contains(document.activeElement));
  if (here < 0) return list.replaceChildren(...items);
  items[here].before(...items.slice(0, here));
  items[here].after(...items.slice(here + 1));
}

/** Let the arrow keys move in all rows of the page. @param {HTMLElement} root */
export function roveByArrows(root) {
  root.addEventListener("focusin", ({ target }) => {
    if (target instanceof HTMLElement && target.parentElement?.matches(ROWS)) rove(target.parentElement, target);
  });
  root.addEventListener("keydown", (event) => {
    const row = event.target instanceof HTMLElement ? event.target.parentElement : null;
    if (!row?.matches(ROWS) || event.ctrlKey || event.metaKey || event.altKey) return;
    const columns = getComputedStyle(row).gridTemplateColumns.split(" ").length; // 1 where it is no grid
    /** @type {Record<string, number>} */
    const steps = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -columns,
      ArrowDown: columns,
      Home: -Infinity,
      End: Infinity,
    };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const place = [...row.children].indexOf(/** @type {Element} */ (event.target)) + step;
    const next = row.children[Math.min(Math.max(place, 0), row.children.length - 1)];
    if (next instanceof HTMLElement) next.focus();
  });
}
