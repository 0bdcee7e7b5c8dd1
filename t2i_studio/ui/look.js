// The picture with one noun's map over it. The interactive player takes this place.
const OPACITY = 0.85; // at the strongest attention; faint parts are drawn faintly, as in the exported figures
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

const lookAt = (run, palette) => {
  const colours = bytes(palette);
  const maps = run.nouns.length ? bytes(run.maps) : null;
  const [rows, columns] = [run.rows, run.columns];
  const cells = rows * columns;
  const seen = { noun: 0, frame: -1, map: Boolean(maps), raw: false };
  const small = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const canvas = el("canvas", { class: "look-map", "aria-hidden": "true" });
  canvas.width = run.width >= 512 ? run.width : 512;
  canvas.height = Math.round((canvas.width * run.height) / run.width);

  // Values 0…1 of the scale, and the probability at the top of that scale.
  const frame = () => {
    const start = seen.noun * run.timesteps.length * cells;
    if (seen.frame >= 0) {
      const at = start + seen.frame * cells;
      return { values: Array.from(maps.subarray(at, at + cells), (v) => v / 255), top: run.nouns[seen.noun].top };
    }
    const sums = new Array(cells).fill(0);
    for (let t = 0; t < run.timesteps.length; t++) {
      for (let c = 0; c < cells; c++) sums[c] += maps[start + t * cells + c];
    }
    const most = Math.max(...sums, 1);
    return { values: sums.map((v) => v / most), top: (most / run.timesteps.length / 255) * run.nouns[seen.noun].top };
  };

  const paint = () => {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (!seen.map) return null;
    const { values, top } = frame();
    const picture = new ImageData(columns, rows);
    values.forEach((value, cell) => {
      const colour = Math.round(value * 255) * 3;
      const dense = OPACITY * (0.25 + 0.75 * value);
      picture.data.set([colours[colour], colours[colour + 1], colours[colour + 2], dense * 255], cell * 4);
    });
    small.getContext("2d").putImageData(picture, 0, 0);
    pen.imageSmoothingEnabled = !seen.raw;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(small, 0, 0, canvas.width, canvas.height);
    return top;
  };
  return { canvas, seen, paint };
};

const lookParts = (run, palette) => {
  const view = lookAt(run, palette);
  const { seen } = view;
  const picture = el("figure", { class: "look-picture" }, el("img", { src: run.image, alt: run.alt, width: run.width, height: run.height }), view.canvas);
  picture.style.setProperty("--shape", run.width / run.height);
  if (!run.nouns.length) return el("div", { class: "look" }, picture, el("div", { class: "look-side" }, lookWords(run)));

  const buttons = run.nouns.map((noun, index) => {
    const button = el("button", { type: "button", class: "look-noun", onclick: () => choose(index) },
      el("span", { class: "dot" }), el("span", { class: "look-name" }, noun.id), el("span", { class: "look-peak" }, `peak ${noun.top.toFixed(2)}`));
    button.style.setProperty("--noun", nounColour(noun.colour));
    return button;
  });
  const bare = el("button", { type: "button", class: "look-noun look-bare", onclick: () => choose(-1) }, "Picture alone");
  const time = el("input", { type: "range", min: 0, max: run.timesteps.length - 1, value: run.timesteps.length - 1, "aria-label": "Timestep, noise to picture" });
  const when = el("output", { class: "look-when" });
  const mean = el("button", { type: "button", class: "look-mean", onclick: () => go(-1) }, "all steps");
  const raw = el("input", { type: "checkbox", id: "look-raw", onchange: () => { seen.raw = raw.checked; show(); } });
  const top = el("span", {});
  const scale = el("canvas", { class: "look-scale", width: 256, height: 1, "aria-hidden": "true" });
  drawScale(scale, palette);

  const show = () => {
    const most = view.paint();
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(seen.map && index === seen.noun)));
    bare.setAttribute("aria-pressed", String(!seen.map));
    mean.setAttribute("aria-pressed", String(seen.frame < 0));
    time.classList.toggle("idle", seen.frame < 0);
    const at = Number(time.value);
    const text = seen.frame < 0 ? "mean of all steps" : `t ${Math.round(run.timesteps[at])} · step ${run.steps[at] + 1} of ${run.num_steps}`;
    when.textContent = text;
    time.setAttribute("aria-valuetext", text);
    top.textContent = most === null ? "" : most.toFixed(2);
    picture.style.setProperty("--noun", seen.map ? nounColour(run.nouns[seen.noun].colour) : "transparent");
    raw.closest(".look-time").classList.toggle("off", !seen.map);
  };
  const choose = (index) => { seen.map = index >= 0; if (index >= 0) seen.noun = index; show(); };
  const go = (at) => { seen.frame = at; if (at >= 0) seen.map = true; show(); };
  time.addEventListener("input", () => go(Number(time.value)));

  const timeBox = el("div", { class: "look-time" },
    el("div", { class: "look-row" }, el("span", { class: "look-end" }, "noise"), time, el("span", { class: "look-end" }, "picture")),
    el("div", { class: "look-row spread" }, when, mean),
    el("div", { class: "look-row" }, el("span", { class: "look-end" }, "0"), scale, top, el("label", { for: "look-raw", class: "look-raw" }, raw, "raw cells")));
  const side = el("div", { class: "look-side" },
    el("div", { class: "look-nouns", role: "group", "aria-label": "Whose map to show" }, ...buttons, bare), timeBox, lookWords(run));
  show();
  return el("div", { class: "look" }, picture, side);
};

const drawScale = (scale, palette) => {
  const colours = bytes(palette);
  const line = new ImageData(256, 1);
  for (let i = 0; i < 256; i++) line.data.set([colours[i * 3], colours[i * 3 + 1], colours[i * 3 + 2], 255], i * 4);
  scale.getContext("2d").putImageData(line, 0, 0);
};

const lookWords = (run) => {
  const box = el("div", { class: "look-words" });
  if (run.nouns.length) box.append(el("p", { class: "look-meaning" }, "Bright = where the model looked for this word while it painted."));
  for (const note of run.notes) box.append(el("p", { class: "note" }, note));
  box.append(el("p", { class: "look-facts" }, run.facts));
  return box;
};
