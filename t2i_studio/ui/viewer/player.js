// The map player. `createPlayer(data)` → { node, view, set, onChange, maps }: everything happens in the page.
const RATE = 8; // steps a second while playing
const NARROW = 620; // pixels of its own width up to which everything stands in one column
const VIEW = {
  nouns: [0], // indices of the nouns shown
  at: MEAN, // index of the step, or MEAN
  source: "", // id of the layers looked at
  overlay: "heat", opacity: 0.85, raw: false, ownScale: false, number: "peak",
  cell: null, // the place asked about, as [row, column] in shares 0…1
  playing: false,
};
const REDRAW = ["source", "raw", "ownScale", "overlay", "opacity", "number"]; // what changes more than one step's view

const createPlayer = (data) => {
  const picture = el("img", { src: data.image, alt: data.alt, width: data.width, height: data.height });
  const figure = el("figure", { class: "pl-picture" }, picture);
  figure.style.setProperty("--shape", data.width / data.height);
  const words = el("div", { class: "pl-about" }, ...data.notes.map((note) => el("p", { class: "note" }, note)), el("p", { class: "pl-facts" }, data.facts));
  const node = el("section", { class: "player", tabindex: -1, "aria-label": `Attention maps: ${data.alt}` });
  if (!data.nouns.length) {
    node.append(el("div", { class: "pl-body" }, el("div", { class: "pl-main" }, figure, words)));
    return { node, view: { ...VIEW, nouns: [] }, maps: null, set: () => {}, onChange: () => () => {}, close: () => {} };
  }
  return fullPlayer(data, node, figure, words);
};

const fullPlayer = (data, node, figure, words) => {
  const maps = new MapData(data);
  const view = { ...VIEW, source: maps.sources[0].id };
  const listeners = [];
  const canvas = el("canvas", { class: "pl-map", "aria-hidden": "true" });
  const hint = el("div", { class: "pl-hint", role: "status", hidden: true });
  figure.append(canvas, hint);
  const painter = new Painter(canvas, maps);
  let glanced = null;
  let timer = 0;

  const set = (changes, heard = true) => {
    const deep = REDRAW.some((name) => name in changes && changes[name] !== view[name]);
    Object.assign(view, changes);
    if (deep) redraw();
    show();
    if (heard) listeners.forEach((listener) => listener(changes));
  };
  const act = playerActions({ maps, view, set, node, glance: (noun) => { glanced = noun; show(); } });
  const parts = {
    words: newWords(maps, act), legend: newLegend(maps), strip: newStrip(maps, act.go),
    curves: newCurves(maps, (number) => set({ number }), act.go), transport: newTransport(maps, act), controls: newControls(maps, act),
  };
  node.append(
    el("div", { class: "pl-body" },
      el("div", { class: "pl-main" }, figure, parts.legend.node),
      el("div", { class: "pl-side" }, parts.words.node, parts.curves.node, words)),
    parts.strip.node, parts.transport.node, parts.controls.node,
    el("p", { class: "pl-keys" }, "Keys: space plays, ← → step, 1–9 nouns, 0 picture alone, R raw cells, F full screen, Shift + arrows read a cell."));

  const redraw = () => {
    for (const part of [parts.words, parts.strip, parts.curves, parts.controls]) part.draw(view);
  };
  const show = () => {
    const shown = glanced === null ? view.nouns : [glanced];
    const style = getComputedStyle(node);
    const tops = painter.paint(view, shown, shown.map((n) => rgb(style.getPropertyValue(`--noun-${maps.nouns[n].colour % NUM_COLOURS(style)}`))), rgb(style.getPropertyValue("--card")));
    figure.style.setProperty("--noun", shown.length === 1 ? nounColour(maps.nouns[shown[0]].colour) : "transparent");
    parts.words.move(view, shown);
    parts.legend.move(view, shown, tops);
    for (const part of [parts.strip, parts.curves, parts.transport]) part.move(view);
    explain(maps, view, painter, hint);
    if (view.playing && !timer) timer = setInterval(tick, 1000 / RATE);
    if (!view.playing && timer) timer = clearInterval(timer) || 0;
  };
  const tick = () => {
    if (!node.isConnected) view.playing = false;
    if (view.at >= maps.last) return set({ playing: false });
    set({ at: view.at + 1 });
  };
  probe(figure, maps, view, set);
  const deaf = listenToKeys(node, act);
  let width = 0;
  const sized = new ResizeObserver(() => {
    if (node.clientWidth === width || !node.clientWidth) return;
    width = node.clientWidth;
    node.classList.toggle("pl-narrow", width <= NARROW);
    redraw();
    show();
  });
  sized.observe(node);
  // Colours are read from the page: another theme, another drawing.
  const themed = new MutationObserver(() => { if (node.isConnected) show(); });
  themed.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  redraw();
  show();
  // Returns how to stop listening.
  const onChange = (listener) => {
    listeners.push(listener);
    return () => listeners.splice(listeners.indexOf(listener), 1);
  };
  // What the page holds of this player beyond its own elements; whoever takes it off the page calls it.
  const close = () => {
    deaf();
    sized.disconnect();
    themed.disconnect();
    clearInterval(timer);
  };
  return { node, view, maps, set, onChange, close };
};

const NUM_COLOURS = (style) => Number(style.getPropertyValue("--num-nouns")) || 8;
const rgb = (hex) => {
  const value = parseInt(hex.trim().slice(1), 16) || 0;
  return [value >> 16, (value >> 8) & 255, value & 255];
};

const playerActions = ({ maps, view, set, node, glance }) => ({
  set, glance,
  choose: (nouns) => set({ nouns }),
  add: (noun) => set({ nouns: view.nouns.includes(noun) ? view.nouns.filter((n) => n !== noun) : [...view.nouns, noun] }),
  go: (at) => set({ at, playing: false }),
  step: (by) => set({ at: Math.min(Math.max((view.at === MEAN ? maps.last : view.at) + by, 0), maps.last), playing: false }),
  play: () => {
    if (view.playing) set({ playing: false });
    else set({ playing: true, at: view.at === MEAN || view.at >= maps.last ? 0 : view.at });
  },
  raw: () => set({ raw: !view.raw }),
  nthNoun: (n) => { if (n < maps.nouns.length) set({ nouns: [n] }); },
  fill: () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (node.requestFullscreen) node.requestFullscreen().catch(() => node.classList.toggle("pl-filled"));
    else node.classList.toggle("pl-filled");
  },
  look: (down, across) => {
    const source = maps.source(view.source);
    const [y, x] = view.cell || [0.5, 0.5];
    const moved = (share, by, cells) => (Math.min(Math.max(Math.floor(share * cells) + by, 0), cells - 1) + 0.5) / cells;
    set({ cell: [moved(y, down, source.rows), moved(x, across, source.columns)] });
  },
});

// The pointer over the picture asks what is looked at there.
const probe = (figure, maps, view, set) => {
  const ask = (event) => {
    const { left, top, width, height } = figure.getBoundingClientRect();
    const inside = (v) => Math.min(Math.max(v, 0), 0.9999);
    set({ cell: [inside((event.clientY - top) / height), inside((event.clientX - left) / width)] });
  };
  figure.addEventListener("pointermove", ask);
  figure.addEventListener("pointerdown", ask);
  // By touch nothing leaves the picture: a touch of anything else ends the question.
  figure.closest(".player").addEventListener("pointerdown", (event) => { if (event.pointerType !== "mouse" && !figure.contains(event.target)) set({ cell: null }); });
  figure.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") set({ cell: null }); });
};

// Nouns ranked at the asked place, beside it.
const explain = (maps, view, painter, hint) => {
  hint.hidden = !view.cell;
  // Read out when asked for, not at every step that is played.
  hint.setAttribute("aria-live", view.playing ? "off" : "polite");
  if (!view.cell) return;
  const source = maps.source(view.source);
  const [row, column] = [Math.floor(view.cell[0] * source.rows), Math.floor(view.cell[1] * source.columns)];
  const cell = row * source.columns + column;
  markCell(painter, source, cell);
  hint.replaceChildren(...maps.ranked(source, view.at, cell).map(({ noun, value }) => {
    const line = el("span", { class: "pl-ranked" }, el("span", { class: "pl-dot" }), maps.nouns[noun].id, el("b", { "data-value": value }, value >= 0.00005 ? value.toFixed(4) : "0"));
    line.style.setProperty("--noun", nounColour(maps.nouns[noun].colour));
    return line;
  }), el("span", { class: "pl-where" }, `row ${row + 1}, column ${column + 1}`));
  hint.dataset.cell = cell;
  hint.classList.toggle("pl-left", view.cell[1] > 0.5);
  hint.classList.toggle("pl-above", view.cell[0] > 0.5);
};

const KEYS = {
  " ": (act) => act.play(), ArrowLeft: (act) => act.step(-1), ArrowRight: (act) => act.step(1),
  Escape: (act) => act.set({ cell: null }), r: (act) => act.raw(), f: (act) => act.fill(), 0: (act) => act.choose([]),
};
const LOOKS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

// What the focused control does with a key itself.
const isNative = (focus, key) => {
  if (focus.matches("select")) return true;
  if (focus.matches("button, input[type=checkbox]")) return key === " " || key === "Enter";
  return focus.matches("input[type=range]") && (key.startsWith("Arrow") || key === "Home" || key === "End");
};

// Keys count when the focus is in the player, or nowhere while the pointer is over it.
const listenToKeys = (node, act) => {
  const press = (event) => {
    if (!node.isConnected) return;
    const { key } = event;
    const focus = document.activeElement || document.body;
    const mine = node.contains(focus) || (focus === document.body && node.matches(":hover"));
    if (!mine || event.ctrlKey || event.metaKey || event.altKey || isNative(focus, key)) return;
    const known = KEYS[key] || KEYS[key.toLowerCase()];
    if (event.shiftKey && LOOKS[key]) act.look(...LOOKS[key]);
    else if (/^[1-9]$/.test(key)) act.nthNoun(Number(key) - 1);
    else if (known && !event.shiftKey) known(act);
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", press);
  node.addEventListener("pointerdown", (event) => { if (!event.target.closest("button, input, select, label")) node.focus({ preventScroll: true }); });
  return () => document.removeEventListener("keydown", press);
};
