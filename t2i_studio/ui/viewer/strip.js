// Nouns × timesteps: a row of small maps a noun; a click or a drag goes to that step.
const THUMB = 26; // least width of a small map, CSS pixels

const newStrip = (maps, go) => {
  const mark = el("div", { class: "pl-mark", "aria-hidden": "true" });
  const rows = maps.nouns.map((noun) => {
    const canvas = el("canvas", { role: "img", "aria-label": `${noun.id}: its map at each timestep, noise on the left` });
    const name = el("span", { class: "pl-strip-name" }, noun.id);
    const row = el("div", { class: "pl-strip-row" }, name, el("div", { class: "pl-strip-maps" }, canvas));
    row.style.setProperty("--noun", nounColour(noun.colour));
    return { row, canvas };
  });
  const lane = el("div", { class: "pl-strip-lane", "aria-hidden": "true" }, mark);
  const box = el("div", { class: "pl-strip-rows" }, ...rows.map(({ row }) => row), lane);
  const node = el("div", { class: "pl-strip" }, box, el("div", { class: "pl-strip-ends", "aria-hidden": "true" },
    el("span", {}, `noise · t ${Math.round(maps.timesteps[0])}`), el("span", {}, `t ${Math.round(maps.timesteps[maps.last])} · picture`)));
  scrubOver(lane, maps, go);

  // As many columns as have room; each is one recorded step, evenly spaced.
  const draw = (view, colours) => {
    const source = maps.source(view.source);
    const width = lane.clientWidth;
    if (!width) return;
    const count = Math.min(maps.count, Math.max(2, Math.floor(width / THUMB)));
    const side = width / count;
    const height = Math.min(56, (side * source.rows) / source.columns);
    const density = Math.min(2, window.devicePixelRatio || 1);
    rows.forEach(({ canvas }, noun) => {
      canvas.width = Math.round(width * density);
      canvas.height = Math.round(height * density);
      canvas.style.height = `${height}px`;
      drawRow(canvas, maps, noun, source, count, view);
    });
  };
  const move = (view) => {
    mark.hidden = view.at === MEAN;
    mark.style.left = `${((view.at + 0.5) / maps.count) * 100}%`;
  };
  return { node, draw, move, lane };
};

const drawRow = (canvas, maps, noun, source, count, view) => {
  const pen = canvas.getContext("2d");
  const small = new OffscreenCanvas(source.columns, source.rows);
  const inner = small.getContext("2d");
  const side = canvas.width / count;
  pen.imageSmoothingEnabled = !view.raw;
  for (let i = 0; i < count; i++) {
    const at = count === maps.count ? i : Math.round((i * maps.last) / (count - 1));
    const { values } = maps.frame(noun, source, at, view.ownScale);
    const picture = new ImageData(source.columns, source.rows);
    values.forEach((value, cell) => {
      const colour = Math.round(value * 255) * 3;
      picture.data.set([maps.palette[colour], maps.palette[colour + 1], maps.palette[colour + 2], 255], cell * 4);
    });
    inner.putImageData(picture, 0, 0);
    pen.drawImage(small, i * side, 0, side - 1.5, canvas.height);
  }
};

// A click, or a drag along time.
const scrubOver = (node, maps, go) => {
  const to = (event) => {
    const { left, width } = node.getBoundingClientRect();
    const at = Math.floor(((event.clientX - left) / width) * maps.count);
    go(Math.min(Math.max(at, 0), maps.last));
  };
  node.addEventListener("pointerdown", (event) => { node.setPointerCapture(event.pointerId); to(event); });
  node.addEventListener("pointermove", (event) => { if (node.hasPointerCapture(event.pointerId)) to(event); });
};
