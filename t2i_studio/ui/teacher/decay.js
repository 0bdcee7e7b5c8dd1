// A number of every noun over all noise levels; teacher and student as marks to drag.
const DECAYS = {
  mass_in_mask: ["On its object", "share of a word's map that lies on its object"],
  peak_in_mask: ["Peak on it", "1 where the map's peak lies on the object"],
  concentration: ["Concentration", "0 spread evenly, 1 a single cell"],
  distinctness: ["Distinctness", "1 − mean cosine to the other words' maps"],
};
const DECAY = { height: 222, left: 40, right: 14, top: 24, bottom: 26 };

const newDecay = (probe, set) => {
  const { data } = probe;
  const told = (name) => Object.values(data.numbers[TRAINING][name]).some((rows) => rows.some((row) => row.some((v) => v !== null)));
  const names = Object.keys(DECAYS).filter(told);
  const box = el("div", { class: "tea-decay" });
  const about = el("span", { class: "hint" });
  const buttons = names.map((name) => el("button", { type: "button", class: "pl-tab", "data-number": name, onclick: () => set({ number: name }) }, DECAYS[name][0]));
  const marks = { tea: newMark(probe, "tea", "Teacher", box, set), stu: newMark(probe, "stu", "Student", box, set) };
  const legend = el("p", { class: "loss-legend" }, ...probe.nouns.map((noun) => {
    const mark = el("span", { class: "loss-mark", "aria-hidden": "true" });
    mark.style.background = nounColour(noun.colour);
    return el("span", {}, mark, noun.id);
  }), probe.variants > 1 ? el("span", { class: "hint" }, "solid: base, dashed: LoRA") : null);
  const node = el("section", { class: "card tea-card" }, el("h3", {}, "How maps decay with noise"),
    el("div", { class: "pl-row" }, el("div", { class: "pl-tabs", role: "group", "aria-label": "Which number over the noise levels" }, ...buttons), about),
    legend, box, el("p", { class: "hint tea-ends" }, el("span", {}, "← picture"), el("span", {}, "timestep"), el("span", {}, "noise →")));

  const draw = (view) => {
    const width = box.clientWidth;
    if (!width) return;
    const name = names.includes(view.number) ? view.number : names[0];
    box.replaceChildren(decayChart(probe, name, probe.source(view.source), width), marks.tea.node, marks.stu.node);
    about.textContent = DECAYS[name][1];
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.number === name)));
    move(view);
  };
  const move = (view) => { marks.tea.move(view.tea); marks.stu.move(view.stu); };
  return { node, box, draw, move, first: names[0] };
};

const alongTime = (probe, width) => {
  const most = probe.timesteps[probe.last] || 1;
  return (t) => DECAY.left + (t / most) * (width - DECAY.left - DECAY.right);
};

const decayChart = (probe, name, source, width) => {
  const series = probe.data.numbers[source.id][name];
  const most = Math.max(...series.flat(2).filter((v) => v !== null), 0);
  const top = name === "peak_in_mask" ? 1 : Math.min(1, roundUp(most * 1.02));
  const room = DECAY.height - DECAY.top - DECAY.bottom;
  const [x, y] = [alongTime(probe, width), (v) => DECAY.top + (1 - v / top) * room];
  const ends = probe.nouns.map((noun, n) => `${noun.id} from ${numberText(series[0][n][0])} to ${numberText(series[0][n][probe.last])}`);
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${DECAY.height}`, width, height: DECAY.height, role: "img", "aria-label": `${DECAYS[name][0]} from picture to noise: ${ends.join(", ")}` });
  for (const share of [0, 0.5, 1]) {
    svg.append(drawn("line", { x1: DECAY.left, x2: width - DECAY.right, y1: y(share * top), y2: y(share * top), class: "pl-grid" }),
      drawn("text", { x: DECAY.left - 7, y: y(share * top) + 4, class: "tea-tick", "text-anchor": "end" }, numberText(share * top)));
  }
  const most_t = probe.timesteps[probe.last];
  for (let i = 0; i <= 5; i++) {
    const t = Math.round((most_t * i) / 500) * 100;
    if (t <= most_t) svg.append(drawn("text", { x: x(t), y: DECAY.height - 8, class: "tea-tick", "text-anchor": "middle" }, String(t)));
  }
  series.forEach((nouns, variant) => nouns.forEach((values, n) => {
    const points = values.flatMap((v, t) => (v === null ? [] : [`${x(probe.timesteps[t]).toFixed(1)},${y(v).toFixed(1)}`]));
    const path = drawn("polyline", { points: points.join(" "), class: `pl-line tea-line${variant ? " tea-dashed" : ""}` });
    path.style.stroke = nounColour(probe.nouns[n].colour);
    svg.append(path);
  }));
  return svg;
};

// A mark at a noise level: dragged, or moved by keys.
const newMark = (probe, name, label, box, set) => {
  const node = el("div", { class: `tea-mark tea-mark-${name}`, role: "slider", tabindex: 0, "aria-label": `${label}'s mark`, "aria-valuemin": 0, "aria-valuemax": probe.last }, el("span", {}, label));
  let at = 0;
  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -3, PageUp: 3, Home: -Infinity, End: Infinity };
  node.addEventListener("keydown", (event) => {
    if (!(event.key in steps)) return;
    event.preventDefault();
    set({ [name]: Math.min(Math.max(at + steps[event.key], 0), probe.last) });
  });
  node.addEventListener("pointerdown", (event) => { node.setPointerCapture(event.pointerId); event.preventDefault(); node.focus({ preventScroll: true }); });
  node.addEventListener("pointermove", (event) => {
    if (!node.hasPointerCapture(event.pointerId)) return;
    const { left, width } = box.getBoundingClientRect();
    const share = (event.clientX - left - DECAY.left) / (width - DECAY.left - DECAY.right);
    set({ [name]: probe.nearest(share * probe.timesteps[probe.last]) });
  });
  const move = (level) => {
    at = level;
    node.style.left = `${alongTime(probe, box.clientWidth)(probe.timesteps[level])}px`;
    node.setAttribute("aria-valuenow", level);
    node.setAttribute("aria-valuetext", probe.time(level));
  };
  return { node, move };
};
