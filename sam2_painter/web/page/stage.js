// The stage: one canvas that shows photo, paint, selection and regions, and turns what hands do into photo pixels.
// It knows nothing of the server. All coordinates are pixels of the photo; `camera` alone knows about the screen.
function makeStage(root, on) {
  const view = root.querySelector(".sp-view");
  const canvas = view.querySelector("canvas");
  const pen = canvas.getContext("2d");
  const pointsBox = view.querySelector(".sp-points");
  const cursorMark = view.querySelector(".sp-cursor");
  const split = view.querySelector(".sp-split");
  const tags = { before: view.querySelector(".sp-before"), after: view.querySelector(".sp-after") };

  const DRAG = 5; // screen pixels before a press becomes a drag
  const LONG_PRESS = 500; // milliseconds
  const INK = "#2f7bff";

  const shown = {
    width: 0, height: 0, // of the photo
    photo: null, picture: null, detail: null, // what to draw: before, after, and a sharp part of after
    selection: null, // {tint, outline, box, painted}
    points: [], pending: [], // [{x, y, label}]
    live: null, // {image, box} the wall in a colour that is only being tried
    regions: null, hover: 0, // label map, and which of it lies under the pointer
    comparing: false, split: 0.5,
  };
  const camera = { x: 0, y: 0, scale: 1, fitted: true };
  const hand = { tool: "point", space: false, pointers: new Map(), gesture: null, cursor: null, corner: null, mark: null };

  // -- camera -------------------------------------------------------------------------------------------------------

  const area = () => ({ width: view.clientWidth, height: view.clientHeight });

  function fitScale() {
    const { width, height } = area();
    return Math.min(width / shown.width, height / shown.height);
  }

  function fit() {
    if (!shown.width) return;
    camera.scale = fitScale();
    camera.fitted = true;
    settle();
  }

  function settle() { // keep the photo in sight: centred where it is smaller than the stage, without gaps where larger
    const { width, height } = area();
    const place = (at, size, room) => (size <= room ? (size - room) / 2 : Math.min(Math.max(at, 0), size - room));
    camera.x = place(camera.x, shown.width, width / camera.scale);
    camera.y = place(camera.y, shown.height, height / camera.scale);
    draw();
    on.camera(camera.scale / fitScale());
  }

  function zoom(factor, at) {
    if (!shown.width) return;
    const { width, height } = area();
    at = at || { x: width / 2, y: height / 2 };
    const least = fitScale(), most = Math.max(8, 4 * least);
    const scale = Math.min(most, Math.max(least, camera.scale * factor));
    camera.x += at.x / camera.scale - at.x / scale;
    camera.y += at.y / camera.scale - at.y / scale;
    camera.scale = scale;
    camera.fitted = scale <= least * 1.001;
    settle();
  }

  function pan(dx, dy) {
    camera.x -= dx / camera.scale;
    camera.y -= dy / camera.scale;
    settle();
  }

  const onScreen = (p) => ({ x: (p.x - camera.x) * camera.scale, y: (p.y - camera.y) * camera.scale });
  const onPhoto = (p) => ({ x: p.x / camera.scale + camera.x, y: p.y / camera.scale + camera.y });
  const inside = (p) => p.x >= 0 && p.y >= 0 && p.x < shown.width && p.y < shown.height;
  const clamp = (p) => ({ x: Math.min(Math.max(p.x, 0), shown.width), y: Math.min(Math.max(p.y, 0), shown.height) });

  function visible() { // the part of the photo on the screen, XYWH
    const { width, height } = area();
    const a = clamp(onPhoto({ x: 0, y: 0 })), b = clamp(onPhoto({ x: width, y: height }));
    return [Math.floor(a.x), Math.floor(a.y), Math.ceil(b.x) - Math.floor(a.x), Math.ceil(b.y) - Math.floor(a.y)];
  }

  // -- drawing ------------------------------------------------------------------------------------------------------

  let drawing = false;
  function draw() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => { drawing = false; paintAll(); });
  }

  function paintAll() {
    const { width, height } = area(), density = window.devicePixelRatio || 1;
    const w = Math.round(width * density), h = Math.round(height * density);
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, w, h);
    if (!shown.photo) return;
    const scale = camera.scale * density;
    pen.setTransform(scale, 0, 0, scale, -camera.x * scale, -camera.y * scale);
    pen.imageSmoothingQuality = "high";
    const all = [0, 0, shown.width, shown.height];
    const cut = shown.split * shown.width;

    pen.drawImage(shown.picture || shown.photo, ...all);
    if (shown.detail) pen.drawImage(shown.detail.image, ...shown.detail.box);
    if (shown.live) pen.drawImage(shown.live.image, ...shown.live.box);
    if (shown.comparing) {
      pen.save();
      pen.beginPath();
      pen.rect(0, 0, cut, shown.height);
      pen.clip();
      pen.drawImage(shown.photo, ...all);
      pen.restore();
    }
    if (!shown.comparing) {
      if (shown.selection) {
        if (!shown.selection.painted && !shown.live) pen.drawImage(shown.selection.tint, ...all);
        pen.globalAlpha = shown.selection.painted || shown.live ? 0.4 : 1;
        pen.drawImage(shown.selection.outline, ...all);
        pen.globalAlpha = 1;
        if (shown.selection.box) strokeBox(shown.selection.box);
      }
      const lit = shown.regions && shown.hover ? shown.regions.picture(shown.hover) : null;
      if (lit) pen.drawImage(lit, ...all);
    }
    const drag = hand.gesture && hand.gesture.kind === "box" ? hand.gesture : hand.corner && hand.cursor ? { from: hand.corner, to: hand.cursor } : null;
    if (drag) strokeBox([drag.from.x, drag.from.y, drag.to.x, drag.to.y]);
    placeMarks();
  }

  function strokeBox([x1, y1, x2, y2]) {
    const px = 1 / camera.scale;
    pen.lineWidth = 3 * px;
    pen.strokeStyle = "rgba(255,255,255,.9)";
    pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
    pen.lineWidth = 1.5 * px;
    pen.setLineDash([6 * px, 4 * px]);
    pen.strokeStyle = INK;
    pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
    pen.setLineDash([]);
  }

  function placeMarks() {
    const points = [...shown.points, ...shown.pending];
    while (pointsBox.children.length > points.length) pointsBox.lastChild.remove();
    while (pointsBox.children.length < points.length) {
      const mark = document.createElement("button");
      mark.type = "button";
      pointsBox.append(mark);
    }
    points.forEach((point, index) => {
      const mark = pointsBox.children[index], at = onScreen({ x: point.x + 0.5, y: point.y + 0.5 });
      mark.className = `sp-mark ${point.label ? "sp-fg" : "sp-bg"}${index < shown.points.length ? "" : " sp-pending"}`;
      mark.title = "Remove this point";
      mark.dataset.index = index;
      mark.setAttribute("aria-label", `Remove ${point.label ? "foreground" : "background"} point ${index + 1}`);
      mark.style.transform = `translate(${at.x}px, ${at.y}px)`;
      mark.hidden = shown.comparing;
    });
    const cut = onScreen({ x: shown.split * shown.width, y: 0 });
    split.style.transform = `translateX(${Math.min(Math.max(cut.x, 0), view.clientWidth)}px)`;
    tags.before.style.transform = `translateX(${cut.x - 8}px) translateX(-100%)`;
    tags.after.style.transform = `translateX(${cut.x + 8}px)`;
    if (hand.cursor) {
      const at = onScreen(hand.cursor);
      cursorMark.style.transform = `translate(${at.x}px, ${at.y}px)`;
    }
  }

  // A mask that came as a picture: its tint, and a line along its border.
  function selectionFrom(image, box, painted) {
    const side = (fill) => {
      const sheet = new OffscreenCanvas(image.width, image.height), brush = sheet.getContext("2d");
      fill(brush);
      return sheet;
    };
    const filled = (color) => side((brush) => {
      brush.drawImage(image, 0, 0);
      brush.globalCompositeOperation = "source-in";
      brush.fillStyle = color;
      brush.fillRect(0, 0, image.width, image.height);
    });
    const ring = (color, from, to) => {
      const solid = filled(color);
      return side((brush) => {
        for (let turn = 0; turn < 8; turn++) {
          const angle = (turn * Math.PI) / 4;
          brush.drawImage(solid, to * Math.cos(angle), to * Math.sin(angle));
        }
        brush.globalCompositeOperation = "destination-out";
        if (from <= 0) return brush.drawImage(solid, 0, 0);
        for (let turn = 0; turn < 8; turn++) {
          const angle = (turn * Math.PI) / 4;
          brush.drawImage(solid, from * Math.cos(angle), from * Math.sin(angle));
        }
      });
    };
    const thin = Math.max(1, Math.max(image.width, image.height) / 1100);
    const outline = side((brush) => {
      brush.drawImage(ring(INK, 0, 2 * thin), 0, 0);
      brush.drawImage(ring("#ffffff", 2 * thin, 3 * thin), 0, 0);
    });
    return { tint: filled("rgba(47,123,255,.45)"), outline, box, painted };
  }

  // The regions found: `data` holds at each of its w x h pixels the number of the region there, 0 for none.
  function regionsFrom(image) {
    const { width, height } = image, sheet = new OffscreenCanvas(width, height);
    const brush = sheet.getContext("2d", { willReadFrequently: true });
    brush.drawImage(image, 0, 0);
    const rgba = brush.getImageData(0, 0, width, height).data;
    const data = new Uint16Array(width * height);
    for (let i = 0; i < data.length; i++) data[i] = rgba[4 * i] | (rgba[4 * i + 1] << 8);
    const pictures = new Map();
    return {
      at({ x, y }) {
        const column = Math.min(width - 1, Math.floor((x * width) / shown.width));
        const row = Math.min(height - 1, Math.floor((y * height) / shown.height));
        return data[row * width + column];
      },
      picture(region) {
        if (!pictures.has(region)) {
          if (pictures.size > 24) pictures.clear();
          const lit = new OffscreenCanvas(width, height), glow = lit.getContext("2d");
          const pixels = glow.createImageData(width, height), words = new Uint32Array(pixels.data.buffer);
          for (let i = 0; i < data.length; i++) if (data[i] === region) words[i] = 0x6cff9b4a; // ABGR
          glow.putImageData(pixels, 0, 0);
          pictures.set(region, lit);
        }
        return pictures.get(region);
      },
    };
  }

  // How paint.py covers a wall: code of the white wall (or the photo) -> code of the painted one, for a channel of a colour.
  const linear = Float64Array.from({ length: 256 }, (_, code) => (code <= 10 ? code / 255 / 12.92 : ((code / 255 + 0.055) / 1.055) ** 2.4));
  const srgb = (light) => 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);
  const rolled = (glow) => (glow <= 0.85 ? glow : 1 - 0.15 * Math.exp((0.85 - glow) / 0.15));
  const covered = {
    realistic: (color, light, shadow) => (code) => srgb(rolled(light * linear[code] ** shadow * linear[color])),
    flat: (color, light) => () => srgb(Math.min(light * linear[color], 1)),
    multiply: (color, light, shadow) => (code) => color * light * (code / 255) ** shadow,
  };

  const trial = { white: null }; // what is being tried on: pixels of the white wall and of the photo under it

  function pixelsOf(image, ...cut) {
    const pen = new OffscreenCanvas(trial.white.width, trial.white.height).getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, ...cut, 0, 0, trial.white.width, trial.white.height);
    return pen.getImageData(0, 0, trial.white.width, trial.white.height).data;
  }

  // The wall in a colour being tried: `white` is the wall were it white, its alpha where it is, in this box of the photo.
  function tryColor(white, box, { color, opacity, light, shadow, mode }) {
    if (trial.white !== white) {
      const scale = shown.photo.width / shown.width, cut = box.map((v) => v * scale);
      trial.white = white;
      Object.assign(trial, { wall: pixelsOf(white), photo: pixelsOf(shown.photo, ...cut), sheet: new OffscreenCanvas(white.width, white.height) });
    }
    const { wall, photo, sheet } = trial, pen = sheet.getContext("2d"), share = opacity / 100;
    const from = mode === "multiply" ? photo : wall, mixed = pen.createImageData(white.width, white.height), to = mixed.data;
    for (const channel of [0, 1, 2]) {
      const cover = covered[mode](parseInt(color.slice(1 + 2 * channel, 3 + 2 * channel), 16), light / 100, shadow / 100);
      const table = Float32Array.from({ length: 256 }, (_, code) => Math.min(cover(code), 255) * share);
      for (let at = channel; at < to.length; at += 4) to[at] = table[from[at]] + (1 - share) * photo[at];
    }
    for (let at = 3; at < to.length; at += 4) to[at] = wall[at];
    pen.putImageData(mixed, 0, 0);
    shown.live = { image: sheet, box };
    draw();
  }

  // -- hands --------------------------------------------------------------------------------------------------------

  const local = (event) => {
    const frame = view.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  };
  const pixel = (p) => ({ x: Math.min(Math.floor(p.x), shown.width - 1), y: Math.min(Math.floor(p.y), shown.height - 1) });

  function press(at, label, more) {
    if (!shown.photo || !inside(at)) return;
    const where = pixel(at);
    if (hand.tool === "pick" && shown.regions && shown.regions.at(where)) return on.pick(shown.regions.at(where), label, more);
    on.point({ ...where, label });
  }

  function box(a, b) {
    const from = clamp(a), to = clamp(b);
    const [x1, x2] = [Math.floor(Math.min(from.x, to.x)), Math.ceil(Math.max(from.x, to.x))];
    const [y1, y2] = [Math.floor(Math.min(from.y, to.y)), Math.ceil(Math.max(from.y, to.y))];
    if (x2 > x1 && y2 > y1) on.box([x1, y1, x2, y2]);
  }

  function begin(event) {
    hand.mark = event.target.closest(".sp-mark");
    if (!shown.photo || event.target.closest(".sp-mark, .sp-split")) return;
    view.classList.add("sp-pointed"); // no focus ring for those who see where they point
    view.focus({ preventScroll: true });
    hideCursor();
    hand.pointers.set(event.pointerId, local(event));
    view.setPointerCapture(event.pointerId);
    if (hand.pointers.size === 2) return startPinch();
    if (hand.pointers.size > 2) return;
    const at = local(event), touch = event.pointerType === "touch";
    const moves = event.button === 1 || (event.button === 0 && (hand.space || hand.tool === "hand"));
    if (event.button !== 0 && !moves) return;
    if (moves) event.preventDefault();
    hand.gesture = { kind: moves ? "pan" : "press", touch, at, last: at, from: onPhoto(at), label: event.shiftKey || event.altKey ? 0 : 1 };
    if (touch && !moves) hand.gesture.timer = setTimeout(longPress, LONG_PRESS);
    view.classList.toggle("sp-grabbing", moves);
  }

  function longPress() {
    const gesture = hand.gesture;
    if (!gesture || gesture.kind !== "press") return;
    gesture.kind = "done";
    press(gesture.from, 0, false);
    if (navigator.vibrate) navigator.vibrate(15);
  }

  function startPinch() {
    if (hand.gesture) clearTimeout(hand.gesture.timer);
    const [a, b] = [...hand.pointers.values()];
    hand.gesture = { kind: "pinch", gap: Math.hypot(a.x - b.x, a.y - b.y), middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
  }

  function move(event) {
    const at = local(event);
    if (hand.pointers.has(event.pointerId)) hand.pointers.set(event.pointerId, at);
    const gesture = hand.gesture;
    if (!gesture) return hover(event, at);
    if (gesture.kind === "pinch" && hand.pointers.size >= 2) {
      const [a, b] = [...hand.pointers.values()];
      const gap = Math.hypot(a.x - b.x, a.y - b.y), middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
      pan(middle.x - gesture.middle.x, middle.y - gesture.middle.y);
      zoom(gap / Math.max(1, gesture.gap), middle);
      Object.assign(gesture, { gap, middle });
      return;
    }
    if (gesture.kind === "press" && Math.hypot(at.x - gesture.at.x, at.y - gesture.at.y) > DRAG) {
      clearTimeout(gesture.timer);
      const boxes = hand.tool === "box" || (hand.tool === "point" && !gesture.touch);
      gesture.kind = boxes ? "box" : "pan";
    }
    if (gesture.kind === "pan") pan(at.x - gesture.last.x, at.y - gesture.last.y);
    if (gesture.kind === "box") {
      gesture.to = clamp(onPhoto(at));
      draw();
    }
    gesture.last = at;
  }

  function end(event) {
    hand.pointers.delete(event.pointerId);
    const gesture = hand.gesture;
    if (!gesture || (gesture.kind === "pinch" && hand.pointers.size)) return;
    clearTimeout(gesture.timer);
    hand.gesture = null;
    view.classList.remove("sp-grabbing");
    if (event.type === "pointercancel") return draw();
    if (gesture.kind === "press") press(gesture.from, gesture.label, event.ctrlKey || event.metaKey);
    if (gesture.kind === "box") box(gesture.from, gesture.to);
    draw();
  }

  function hover(event, at) {
    const where = onPhoto(at), over = shown.photo && inside(where);
    const region = over && hand.tool === "pick" && shown.regions && event.pointerType !== "touch" ? shown.regions.at(where) : 0;
    if (region !== shown.hover) {
      shown.hover = region;
      on.hover(region);
      draw();
    }
  }

  view.addEventListener("pointerdown", begin);
  view.addEventListener("pointermove", move);
  view.addEventListener("pointerup", end);
  view.addEventListener("pointercancel", end);
  view.addEventListener("pointerleave", (event) => { if (!hand.gesture) hover({ pointerType: "touch" }, { x: -1e9, y: 0 }); });
  view.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    if (event.pointerType === "touch" || hand.pointers.size > 1 || event.target.closest(".sp-mark")) return; // a long press counts already
    if (event.button === 2 || event.ctrlKey) press(onPhoto(local(event)), 0, false);
  });
  view.addEventListener("wheel", (event) => {
    if (!shown.photo) return;
    event.preventDefault();
    const pace = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 800 : 1;
    zoom(Math.exp((-event.deltaY * pace * (event.ctrlKey ? 6 : 1)) / 600), local(event));
  }, { passive: false });
  view.addEventListener("dblclick", (event) => event.preventDefault());
  pointsBox.addEventListener("click", (event) => {
    const mark = event.target.closest(".sp-mark");
    const meant = mark === hand.mark || event.detail === 0; // not one that has just appeared under the finger; or by key
    if (mark && meant && Number(mark.dataset.index) < shown.points.length) on.removePoint(Number(mark.dataset.index));
  });

  // -- the cursor of those who use keys -----------------------------------------------------------------------------

  function hideCursor() {
    hand.corner = null;
    cursorMark.hidden = true;
    hand.cursor = null;
  }

  view.addEventListener("keydown", (event) => {
    if (event.target !== view || !shown.photo || event.ctrlKey || event.metaKey) return;
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (arrow) {
      event.preventDefault();
      view.classList.remove("sp-pointed");
      const step = event.shiftKey ? 1 : Math.max(1, 12 / camera.scale);
      hand.cursor = hand.cursor || onPhoto({ x: view.clientWidth / 2, y: view.clientHeight / 2 });
      const next = { x: hand.cursor.x + arrow[0] * step, y: hand.cursor.y + arrow[1] * step };
      hand.cursor = { x: Math.min(Math.max(next.x, 0), shown.width - 0.5), y: Math.min(Math.max(next.y, 0), shown.height - 0.5) };
      cursorMark.hidden = false;
      hover({ pointerType: "mouse" }, onScreen(hand.cursor));
      draw();
    } else if (event.key === "Enter" && hand.cursor) {
      event.preventDefault();
      if (hand.tool !== "box") return press(hand.cursor, event.shiftKey ? 0 : 1, event.altKey);
      if (!hand.corner) hand.corner = { ...hand.cursor };
      else { box(hand.corner, hand.cursor); hand.corner = null; }
      draw();
    }
  });
  view.addEventListener("blur", () => {
    view.classList.remove("sp-pointed");
    if (!hand.gesture) hideCursor();
  });

  // -- before and after ---------------------------------------------------------------------------------------------

  function setSplit(fraction) {
    shown.split = Math.min(1, Math.max(0, fraction));
    split.setAttribute("aria-valuenow", String(Math.round(100 * shown.split)));
    draw();
  }
  split.addEventListener("pointerdown", (event) => { split.setPointerCapture(event.pointerId); event.preventDefault(); split.focus(); });
  split.addEventListener("pointermove", (event) => {
    if (split.hasPointerCapture(event.pointerId)) setSplit(onPhoto(local(event)).x / shown.width);
  });
  split.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    setSplit(shown.split + step);
  });

  new ResizeObserver(() => { if (shown.width) camera.fitted ? fit() : settle(); }).observe(view);

  return {
    fit, zoom, visible, selectionFrom, regionsFrom, tryColor,
    scale: () => camera.scale * (window.devicePixelRatio || 1),
    toScreen: (x, y) => { // where a photo pixel is in the window: for tests and for who scripts the page
      const at = onScreen({ x: x + 0.5, y: y + 0.5 }), frame = view.getBoundingClientRect();
      return { x: frame.left + at.x, y: frame.top + at.y };
    },
    open(width, height, photo) {
      Object.assign(shown, { width, height, photo, picture: null, detail: null, selection: null, points: [], pending: [], live: null, regions: null, hover: 0 });
      hideCursor();
      fit();
    },
    close() {
      Object.assign(shown, { width: 0, photo: null, picture: null, selection: null, points: [], pending: [], regions: null });
      draw();
    },
    show(parts) { Object.assign(shown, parts); draw(); },
    shown,
    endTrial() { if (shown.live) { shown.live = null; draw(); } },
    tool(name) {
      hand.tool = name;
      hand.corner = null;
      shown.hover = 0;
      view.dataset.tool = name;
      draw();
    },
    space(held) {
      hand.space = held;
      view.classList.toggle("sp-grab", held);
    },
    compare(open) {
      shown.comparing = open;
      split.hidden = tags.before.hidden = tags.after.hidden = !open;
      draw();
    },
  };
}
