// Each part of a guidance loss over its steps: small charts, one a part, one line a method.
const LOSS_HEIGHT = 84;
const MEANING = {
  aggregation: "each subject in one place", isolation: "subjects apart", presence: "no subject vanished",
  attribute: "adjectives at their noun", layout: "inside the boxes", binding: "modifiers at their noun",
};

// Small numbers keep two digits that say something.
const lossNumber = (value) => (value && Math.abs(value) < 0.1 ? Number(value.toPrecision(2)).toString() : value.toFixed(2));

const lossChart = (name, series, steps) => {
  const all = series.flatMap((one) => one.values);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = high - low || 1;
  const svg = drawn("svg", { viewBox: `0 0 200 ${LOSS_HEIGHT}`, class: "loss-chart", preserveAspectRatio: "none", role: "img",
    "aria-label": `${name}: ${series.map((one) => `${one.label} from ${one.values[0].toFixed(3)} to ${one.values.at(-1).toFixed(3)}`).join(", ")}` });
  for (const one of series) {
    const points = one.values.map((value, i) => `${(4 + (192 * i) / Math.max(1, steps - 1)).toFixed(1)},${(6 + ((high - value) / room) * (LOSS_HEIGHT - 12)).toFixed(1)}`);
    const path = drawn("polyline", { points: points.join(" "), class: "loss-line" });
    path.style.stroke = one.colour;
    svg.append(path);
  }
  return el("figure", { class: "loss" },
    el("figcaption", {}, el("strong", {}, name), ` ${MEANING[name] || ""}`),
    el("div", { class: "loss-box" }, svg, el("span", { class: "loss-top" }, lossNumber(high)), el("span", { class: "loss-low" }, lossNumber(low))));
};

const lossCharts = (losses) => {
  const names = [...new Set(losses.flatMap((one) => Object.keys(one.parts)))];
  const steps = Math.max(...losses.map((one) => one.expected), 2);
  const charts = names.map((name) => lossChart(name,
    losses.flatMap((one, i) => (one.parts[name] ? [{ label: one.label, values: one.parts[name], colour: nounColour(i) }] : [])), steps));
  const legend = losses.length > 1 ? el("p", { class: "loss-legend" }, ...losses.map((one, i) => {
    const mark = el("span", { class: "loss-mark", "aria-hidden": "true" });
    mark.style.background = nounColour(i);
    return el("span", {}, mark, one.label);
  })) : null;
  const trouble = losses.filter((one) => one.skipped || one.clipped).map((one) => el("p", { class: "note" }, `${one.label}: ${one.skipped} steps skipped, ${one.clipped} shortened.`));
  return el("section", { class: "card losses" }, el("h3", {}, "Losses over the guided steps"),
    el("p", { class: "hint" }, "Each part before its weight, before the step that lowers it; lower is better. Noise on the left."), legend,
    el("div", { class: "loss-charts" }, ...charts), ...trouble);
};
