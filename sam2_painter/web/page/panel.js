// The panel: colours, layers and the gallery of regions. It shows what it is told and reports what was chosen.
// Text that people wrote (file names, layer names) goes into the page as text, never as HTML.
function makePanel(root, on) {
  const one = (selector) => root.querySelector(selector);
  const well = one(".sp-well input"), text = one(".sp-text"), colorName = one(".sp-colorname");
  const layerList = one(".sp-layers"), gallery = one(".sp-gallery");
  const paint = { color: "#a8b79c", opacity: 100, light: 100, shadow: 100, mode: "realistic" };
  const RECENT = 10;
  let recent = [], names = new Map(), described = "";

  function node(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(properties)) {
      if (key in made) made[key] = value;
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `#sp-${name}`);
    svg.append(use);
    return svg;
  }

  // -- colour -------------------------------------------------------------------------------------------------------

  function swatch(hex, name) {
    const button = node("button", { type: "button", className: "sp-swatch", title: name, "aria-label": name });
    button.style.setProperty("--c", hex);
    button.dataset.color = hex;
    return button;
  }

  // New buttons in place of old ones: who was on one of them by key stays in the row.
  function refill(row, buttons) {
    const place = [...row.children].indexOf(document.activeElement);
    row.replaceChildren(...buttons);
    rove(row);
    if (place >= 0) buttons[Math.min(place, buttons.length - 1)]?.focus();
  }

  // One stop of the Tab key for a whole row; within it the arrows move.
  const ROWS = ".sp-swatches, .sp-candidates div, .sp-gallery";

  function rove(row, to = row.firstElementChild) {
    for (const button of row.children) button.tabIndex = button === to ? 0 : -1;
  }

  root.addEventListener("focusin", ({ target }) => { if (target.parentElement.matches(ROWS)) rove(target.parentElement, target); });
  root.addEventListener("keydown", (event) => {
    const row = event.target.parentElement;
    if (!row.matches(ROWS)) return;
    const columns = getComputedStyle(row).gridTemplateColumns.split(" ").length; // 1 where it is no grid
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    const place = [...row.children].indexOf(event.target) + step;
    row.children[Math.min(Math.max(place, 0), row.children.length - 1)].focus();
  });

  function fill(row, colors) {
    refill(row, colors.map(([name, hex]) => swatch(hex, name)));
    mark();
  }

  function mark() {
    for (const button of root.querySelectorAll(".sp-swatch"))
      button.setAttribute("aria-pressed", String(button.dataset.color === paint.color));
  }

  function setPaint(values) {
    Object.assign(paint, values);
    well.value = paint.color;
    if (document.activeElement !== text) text.value = paint.color;
    for (const key of ["opacity", "light", "shadow"]) setSlider(one(`[data-key="${key}"]`), paint[key]);
    for (const radio of root.querySelectorAll('[name="sp-paintmode"]')) radio.checked = radio.value === paint.mode;
    if (described !== paint.color) showName();
    root.style.setProperty("--sp-color", paint.color);
    mark();
  }

  function setSlider(slider, value) {
    slider.value = value;
    showSlider(slider);
  }

  function showName(name = names.get(paint.color) || "", lrv = null) {
    colorName.textContent = colorName.title = name;
    one(".sp-lrv").textContent = lrv === null ? "" : `LRV ${lrv}`;
  }

  function showSlider(slider) {
    const output = slider.parentElement.querySelector("output"), unit = slider.dataset.key && slider.dataset.key !== "quality" ? "%" : "";
    output.textContent = `${Number(slider.value)}${unit}`;
    const share = (slider.value - slider.min) / (slider.max - slider.min);
    slider.style.setProperty("--at", `${100 * share}%`);
  }

  const likeness = ({ name, distance }) => (distance < 1 ? name : `${name}, \u0394E\u00a0${distance}`); // how far it is from that paint, in one piece

  function describe(told) {
    const { color, name, lrv, goes_with } = told;
    if (color !== paint.color) return;
    described = color;
    if (!names.has(color)) names.set(color, name);
    showName(likeness(told), lrv);
    one("[data-harmony-row]").hidden = !goes_with.length;
    fill(one("[data-harmony]"), goes_with);
  }

  function showWall(told) { // the paint that is on the wall now; null where nobody asked yet
    one('[data-do="wall-color"]').hidden = Boolean(told);
    const answer = one("[data-wall-now]");
    answer.hidden = !told;
    if (!told) return;
    fill(answer.querySelector(".sp-swatches"), [[`${told.color}, ${told.name}`, told.color]]);
    const [name, lrv] = answer.querySelectorAll("span");
    name.textContent = name.title = likeness(told);
    lrv.textContent = `LRV ${told.lrv}`;
  }

  function showPalette({ name, own, paints }) {
    names = new Map(paints.map(([paintName, hex]) => [hex, paintName]));
    described = "";
    fill(one("[data-palette]"), paints);
    one("#sp-paints").replaceChildren(...paints.map(([value]) => node("option", { value })));
    one("[data-palette-name]").textContent = own ? `${name} \u00b7 ${paints.length}` : name;
    one("[data-palette-name]").title = name;
    one('[data-do="reset-palette"]').hidden = !own;
    setPaint({});
    showRecent();
    showWall(null);
  }

  function remember(hex) {
    recent = [hex, ...recent.filter((other) => other !== hex)].slice(0, RECENT);
    showRecent();
    on.recent(recent);
  }

  function showRecent() {
    one("[data-recent-row]").hidden = !recent.length;
    fill(one("[data-recent]"), recent.map((hex) => [names.get(hex) || hex, hex]));
  }

  root.addEventListener("click", (event) => {
    const button = event.target.closest(".sp-swatch");
    if (!button) return;
    setPaint({ color: button.dataset.color });
    on.color(true);
  });
  well.addEventListener("input", () => { setPaint({ color: well.value }); on.color(false); });
  well.addEventListener("change", () => { setPaint({ color: well.value }); on.color(true); });
  text.addEventListener("change", () => on.typed(text.value));
  text.addEventListener("keydown", (event) => { if (event.key === "Enter") text.blur(); });
  for (const slider of root.querySelectorAll(".sp-slider input")) {
    showSlider(slider);
    slider.addEventListener("input", () => {
      showSlider(slider);
      if (slider.dataset.key in paint) { paint[slider.dataset.key] = Number(slider.value); on.paint(false); }
    });
    slider.addEventListener("change", () => { if (slider.dataset.key in paint) on.paint(true); });
  }
  for (const radio of root.querySelectorAll('[name="sp-paintmode"]'))
    radio.addEventListener("change", () => { paint.mode = radio.value; on.paint(true); });
  const card = text.closest(".sp-card");
  for (const kind of ["pointerenter", "focusin"]) card.addEventListener(kind, () => on.near());

  // -- layers -------------------------------------------------------------------------------------------------------

  function showLayers(layers, selected) {
    one(".sp-nolayers").hidden = layers.length > 0;
    one(".sp-layercount").textContent = layers.length ? String(layers.length) : "";
    const focused = document.activeElement && layerList.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    const rows = layers.map((layer, index) => layerRow(layer, index, layers.length, selected === layer.mask_id));
    layerList.replaceChildren(...rows.reverse()); // the topmost first, as everywhere
    if (focused) layerList.querySelector(`[data-focus="${focused}"]`)?.focus();
  }

  function layerRow(layer, index, count, selected) {
    const change = (changes) => on.editLayer(index, changes);
    const iconButton = (name, label, more) => node("button", { type: "button", className: "sp-icon", title: label, "aria-label": `${label}: ${layer.name}`, ...more }, icon(name));
    const eye = iconButton(layer.visible ? "eye" : "eye-off", layer.visible ? "Hide" : "Show", { onclick: () => change({ visible: !layer.visible }) });
    const tint = node("input", { type: "color", value: layer.color, title: "Recolour", "aria-label": `Colour of ${layer.name}` });
    tint.addEventListener("change", () => change({ color: tint.value }));
    const name = node("input", { type: "text", className: "sp-name", value: layer.name, title: layer.name, maxLength: 200, "aria-label": `Name of ${layer.name}` });
    name.addEventListener("change", () => change({ name: name.value }));
    name.addEventListener("keydown", (event) => { if (event.key === "Enter") name.blur(); });
    const opacity = node("input", { type: "number", className: "sp-percent", min: 0, max: 100, value: Math.round(100 * layer.opacity), title: "Opacity, %", "aria-label": `Opacity of ${layer.name}, percent` });
    opacity.addEventListener("change", () => change({ opacity: Math.min(Math.max(Number(opacity.value), 0), 100) / 100 }));
    const up = iconButton("up", "Move up", { disabled: index === count - 1, onclick: () => on.moveLayer(index, index + 1) });
    const down = iconButton("down", "Move down", { disabled: index === 0, onclick: () => on.moveLayer(index, index - 1) });
    const bin = iconButton("trash", "Take this paint off", { onclick: () => on.removeLayer(index) });
    const row = node("li", { className: `sp-layer${selected ? " sp-on" : ""}${layer.visible ? "" : " sp-off"}` }, eye, node("label", { className: "sp-chip" }, tint), name, opacity, up, down, bin);
    row.style.setProperty("--c", layer.color);
    [...row.querySelectorAll("button, input")].forEach((part, place) => { part.dataset.focus = `${index}-${place}`; });
    row.addEventListener("click", (event) => { if (!event.target.closest("button, input, label")) on.pickLayer(layer.mask_id); });
    name.addEventListener("focus", () => { if (!row.classList.contains("sp-on")) on.pickLayer(layer.mask_id); });
    return row;
  }

  // -- regions ------------------------------------------------------------------------------------------------------

  function showRegions(regions) {
    gallery.hidden = !regions || !regions.items.length;
    if (!regions) return gallery.replaceChildren();
    const { url, width, height, row } = regions.sprite;
    const tall = 72, scale = tall / row;
    refill(gallery, regions.items.map((item, place) => {
      const share = item.area >= 0.001 ? `${(100 * item.area).toFixed(item.area < 0.1 ? 1 : 0)}%` : "<0.1%";
      const label = `${item.category || "Region"} ${place + 1}, ${share} of the photo`;
      const picture = node("i");
      picture.style.backgroundImage = `url(${url})`;
      picture.style.backgroundSize = `${width * scale}px ${height * scale}px`;
      picture.style.backgroundPosition = `${-item.at[0] * scale}px ${-item.at[1] * scale}px`;
      picture.style.width = `${item.at[2] * scale}px`;
      picture.style.height = `${tall}px`;
      const button = node("button", { type: "button", className: "sp-region", title: label, "aria-label": label, role: "option", "aria-selected": "false" }, picture, node("span", {}, share));
      button.dataset.id = item.id;
      button.addEventListener("click", (event) => on.region(item.id, event.ctrlKey || event.metaKey || event.shiftKey));
      return button;
    }));
  }

  function markRegions(ids) {
    for (const button of gallery.children) button.setAttribute("aria-selected", String(ids.has(Number(button.dataset.id))));
  }

  function lightRegion(place) {
    for (const lit of gallery.querySelectorAll(".sp-lit")) lit.classList.remove("sp-lit");
    if (place) gallery.children[place - 1]?.classList.add("sp-lit");
  }

  return {
    node, refill, paint, setPaint, describe, remember, showWall, showPalette, showLayers, showRegions, markRegions, lightRegion, showSlider,
    isDescribed: () => described === paint.color,
    recall(colors) { recent = colors.slice(0, RECENT); showRecent(); },
  };
}
