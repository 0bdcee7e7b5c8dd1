// Masks painted by hand: choose a word, paint where its object is. They count as the true ones.
const root = element.querySelector(".brush");
const SIDE = 192; // cells of a painted mask's longer side
const SIZES = [["small", 0.035], ["medium", 0.08], ["large", 0.16]];
const EMPTY = { key: "", image: "", name: "", shape: 1, nouns: [], masks: {} };
let chosen = 0;
let erasing = false;
let size = SIZES[1][1];
let layers = []; // a canvas a noun
let last = null; // where the brush was
const state = () => props.value || EMPTY;

const blank = () => {
  const { shape } = state();
  return el("canvas", { width: Math.max(1, Math.round(SIDE * Math.min(1, shape))), height: Math.max(1, Math.round(SIDE * Math.min(1, 1 / shape))), "aria-hidden": "true" });
};
const colourOf = (index) => {
  const probe = el("i");
  probe.style.color = nounColour(index);
  root.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

// What was painted as a PNG, white on black; nothing where nothing was.
const written = (canvas) => {
  const copy = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let any = false;
  for (let i = 0; i < copy.data.length; i += 4) {
    const inside = copy.data[i + 3] > 127;
    any = any || inside;
    copy.data.set(inside ? [255, 255, 255, 255] : [0, 0, 0, 255], i);
  }
  if (!any) return "";
  const out = blank();
  out.getContext("2d").putImageData(copy, 0, 0);
  return out.toDataURL("image/png");
};
const read = (canvas, url, colour) => {
  const image = new Image();
  image.onload = () => {
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    const cells = pen.getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < cells.data.length; i += 4) cells.data[i + 3] = cells.data[i] > 127 ? 255 : 0;
    pen.putImageData(cells, 0, 0);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = colour;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.globalCompositeOperation = "source-over";
  };
  image.src = url;
};

const stroke = (event) => {
  const canvas = layers[chosen];
  const box = canvas.getBoundingClientRect();
  const to = [((event.clientX - box.left) / box.width) * canvas.width, ((event.clientY - box.top) / box.height) * canvas.height];
  const pen = canvas.getContext("2d");
  pen.globalCompositeOperation = erasing ? "destination-out" : "source-over";
  pen.strokeStyle = colourOf(chosen);
  pen.lineWidth = size * Math.max(canvas.width, canvas.height);
  pen.lineCap = "round";
  pen.beginPath();
  pen.moveTo(...(last || to));
  pen.lineTo(to[0] + 0.01, to[1]);
  pen.stroke();
  pen.globalCompositeOperation = "source-over";
  last = to;
};
const tell = () => {
  const { key, nouns } = state();
  trigger("select", { key, noun: nouns[chosen], mask: written(layers[chosen]) });
  tools();
};

const area = el("div", { class: "brush-area", role: "img", "aria-label": "Paint here where the chosen word's object is" });
area.addEventListener("pointerdown", (event) => {
  if (!layers.length) return;
  event.preventDefault();
  area.setPointerCapture(event.pointerId);
  last = null;
  stroke(event);
});
area.addEventListener("pointermove", (event) => { if (last) stroke(event); });
const lift = () => { if (last) { last = null; tell(); } };
area.addEventListener("pointerup", lift);
area.addEventListener("pointercancel", lift);

const bar = el("div", { class: "brush-tools" });
const pressed = (label, on, act, about = "") => el("button", { type: "button", class: "pl-tab", "aria-pressed": String(on), title: about || null, onclick: () => { act(); tools(); } }, label);
const tools = () => {
  const { nouns, name } = state();
  const words = nouns.map((noun, i) => {
    const button = el("button", { type: "button", class: "chip chip-on", "aria-pressed": String(i === chosen), onclick: () => { chosen = i; tools(); } }, noun);
    button.style.setProperty("--noun", nounColour(i));
    return button;
  });
  const url = layers[chosen] ? written(layers[chosen]) : "";
  const clear = () => { layers[chosen].getContext("2d").clearRect(0, 0, SIDE, SIDE); tell(); };
  const kept = url ? [
    el("button", { type: "button", class: "plain-link brush-clear", onclick: clear }, `Clear ${nouns[chosen]}`),
    el("a", { class: "brush-save", href: url, download: `${name}.mask-${nouns[chosen]}.png`, title: "Beside the picture, the command finds it" }, "Save as PNG"),
  ] : [];
  bar.replaceChildren(
    el("div", { class: "canvas-names", role: "group", "aria-label": "Word whose object is painted" }, ...words),
    el("div", { class: "pl-tabs", role: "group", "aria-label": "Brush" }, ...SIZES.map(([label, value]) => pressed(label, !erasing && size === value, () => { size = value; erasing = false; })),
      pressed("eraser", erasing, () => { erasing = !erasing; })),
    ...(kept.length ? [el("div", { class: "canvas-names" }, ...kept)] : []));
};

let drawn = "";
const draw = () => {
  const { key, image, shape, nouns, masks } = state();
  const now = JSON.stringify([key, nouns]);
  if (now === drawn) return;
  drawn = now;
  if (!image || !nouns.length) {
    layers = [];
    return root.replaceChildren(el("p", { class: "hint" }, image ? "The caption names nothing yet." : "Choose a picture first."));
  }
  chosen = Math.min(chosen, nouns.length - 1);
  area.style.setProperty("--shape", shape);
  root.replaceChildren(bar, area);
  layers = nouns.map((noun, i) => {
    const canvas = blank();
    if (masks[noun]) read(canvas, masks[noun], colourOf(i));
    return canvas;
  });
  area.replaceChildren(el("img", { src: image, alt: "", draggable: "false" }), ...layers);
  setTimeout(tools, 100); // once masks that were painted before are read
  return tools();
};
watch("value", draw);
draw();
