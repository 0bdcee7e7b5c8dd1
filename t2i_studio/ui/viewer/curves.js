// One number of every noun over time, with the marker in step; and the same small, beside each noun's name.
const NUMBERS = {
  peak: ["Peak", "largest probability at any place"],
  mass: ["Mass", "share of all attention that goes to the word"],
  entropy: ["Entropy", "0 one spot, 1 spread evenly"],
};
const CURVE_HEIGHT = 150;
const drawn = (tag, attributes = {}, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const line = (series, width, height, top, pad) => series.map((value, i) => {
  const x = pad + (series.length > 1 ? (i / (series.length - 1)) * (width - 2 * pad) : (width - 2 * pad) / 2);
  return `${x.toFixed(1)},${(height - pad - (Math.min(value, top) / top) * (height - 2 * pad)).toFixed(1)}`;
}).join(" ");
// The first round number not below.
const roundUp = (value) => [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((f) => f * 10 ** Math.floor(Math.log10(value || 1e-6))).find((v) => v >= value * 0.999);

const sparkline = (maps, noun, source) => {
  const top = Math.max(...source.peak.flat(), 1e-9);
  const svg = drawn("svg", { viewBox: "0 0 72 20", class: "pl-spark", "aria-hidden": "true", preserveAspectRatio: "none" });
  svg.append(drawn("polyline", { points: line(source.peak[noun], 72, 20, top, 1.5) }));
  return svg;
};

const newCurves = (maps, choose, go) => {
  const box = el("div", { class: "pl-curve-box" });
  const caption = el("span", { class: "pl-curve-what" });
  const buttons = Object.entries(NUMBERS).map(([name, [label]]) => el("button", { type: "button", class: "pl-tab", "data-number": name, onclick: () => choose(name) }, label));
  const node = el("div", { class: "pl-curves" },
    el("div", { class: "pl-row" }, el("div", { class: "pl-tabs", role: "group", "aria-label": "Which number over time" }, ...buttons), caption), box);
  const mark = el("div", { class: "pl-mark", "aria-hidden": "true" });
  scrubOver(box, maps, go);

  const draw = (view) => {
    const width = box.clientWidth;
    if (!width) return;
    const source = maps.source(view.source);
    const series = source[view.number];
    const top = view.number === "entropy" ? 1 : roundUp(Math.max(...series.flat()));
    const svg = drawn("svg", { viewBox: `0 0 ${width} ${CURVE_HEIGHT}`, width, height: CURVE_HEIGHT, role: "img",
      "aria-label": `${NUMBERS[view.number][0]} over time: ${maps.nouns.map((noun, i) => `${noun.id} from ${shortNumber(series[i][0])} to ${shortNumber(series[i][maps.last])}`).join(", ")}` });
    for (const share of [0, 0.5, 1]) {
      const y = CURVE_HEIGHT - 6 - share * (CURVE_HEIGHT - 12);
      svg.append(drawn("line", { x1: 0, x2: width, y1: y, y2: y, class: "pl-grid" }));
    }
    maps.nouns.forEach((noun, i) => {
      const path = drawn("polyline", { points: line(series[i], width, CURVE_HEIGHT, top, 6), class: "pl-line" });
      path.style.stroke = nounColour(noun.colour);
      path.dataset.noun = i;
      svg.append(path);
    });
    // What was drawn before this width is replaced; the marker stays.
    box.replaceChildren(svg, el("span", { class: "pl-top" }, shortNumber(top)), el("span", { class: "pl-zero" }, "0"), mark);
    caption.textContent = NUMBERS[view.number][1];
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.number === view.number)));
    move(view);
  };
  const move = (view) => {
    mark.hidden = view.at === MEAN;
    const share = maps.last ? view.at / maps.last : 0.5;
    mark.style.left = `calc(6px + ${share} * (100% - 12px))`;
    for (const path of box.querySelectorAll(".pl-line")) path.classList.toggle("faint", view.nouns.length > 0 && !view.nouns.includes(Number(path.dataset.noun)));
  };
  return { node, draw, move };
};
