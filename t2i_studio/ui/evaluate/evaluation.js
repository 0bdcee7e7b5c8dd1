// The right side of Evaluate: how far it is, the table so far, the pictures of the cell that was clicked.
const root = element.querySelector(".evaluation");
const top_ = el("div", { class: "ev-top" });
const table = el("div", {});
const best = el("div", { class: "ev-after" });
const maps = el("div", { class: "ev-after" });
const pane = el("div", { class: "ev-pane" });
let chosen = null; // the cell whose pictures are open
let found = null;
let asked = 0;

const idle = () => el("div", { class: "pair-stage" }, el("div", { class: "stage-welcome" }, el("h2", {}, "Many prompts, one verdict"),
  el("p", {}, "One picture shows little: a seed is lucky or not. Here every way of painting gets the same prompts and the same seeds, a judge says what is in each picture, and the table tells the difference with its 95 % interval."),
  el("ol", {}, el("li", {}, "Choose a suite, and the ways to compare."), el("li", {}, "Start. Rows fill as pictures come; what is painted is kept, and goes on after a cancel."), el("li", {}, "Click a number to see its pictures; click a picture to see its maps."))));

const left = (seconds) => {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 90) return `about ${Math.max(1, Math.ceil(seconds))} s left`;
  return seconds < 5400 ? `about ${Math.ceil(seconds / 60)} min left` : `about ${(seconds / 3600).toFixed(1)} h left`;
};

const progress = (value) => {
  const bar = el("progress", { max: value.total, "aria-label": "Progress of the evaluation" });
  if (value.done) bar.value = value.done;
  return el("div", { class: "ev-progress" }, el("div", { class: "stage-line" }, el("span", { class: "stage-step", role: "status" }, value.message), el("span", { class: "stage-left" }, left(value.seconds_left))), bar,
    el("button", { type: "button", class: "file stage-cancel", onclick: () => document.getElementById("eval-cancel")?.click() }, "Cancel"));
};

const use = (item) => {
  history.pushState(null, "", location.pathname + location.search);
  trigger("select", { id: props.value.id, way: item.way, prompt: item.prompt, seed: item.seed });
};

const fetchPage = async (offset) => {
  const mine = ++asked;
  const page = await server.pictures({ id: props.value.id, ...chosen, offset }).catch(() => ({ problem: "The server did not answer. Try again." }));
  if (mine !== asked || !chosen) return;
  if (page.problem) return pane.replaceChildren(banner({ state: "failed", problem: page.problem }));
  found = offset ? { ...page, items: [...found.items, ...page.items] } : page;
  pane.replaceChildren(picturesPane(chosen, found, { choose: (only) => { chosen = { ...chosen, only }; fetchPage(0); }, more: () => fetchPage(found.items.length), close, use, sheet: chosen.way === props.value.base ? null : keepSheet }));
};
const keepSheet = async (button) => {
  button.disabled = true;
  const made = await server.sheet({ id: props.value.id, way: chosen.way }).catch(() => ({ problem: "The server did not answer. Try again." }));
  button.disabled = false;
  if (made.problem) return pane.prepend(banner({ state: "failed", problem: made.problem }));
  keepFile(made);
};
const close = () => { chosen = null; asked += 1; pane.replaceChildren(); draw(); };
const open = async (row, only) => {
  chosen = { way: row.way, group: row.group, only };
  draw();
  await fetchPage(0);
  pane.scrollIntoView({ block: "nearest", behavior: "smooth" });
};

// A button that is replaced while it is pressed loses the click, and the focus: the table is drawn anew only when it changed.
let drawn = "";
const drawTable = (value) => {
  const now = JSON.stringify([value.rows, value.columns, chosen && [chosen.way, chosen.group]]);
  if (now === drawn) return;
  drawn = now;
  const focused = table.contains(document.activeElement) ? [...table.querySelectorAll("button")].indexOf(document.activeElement) : -1;
  const scrolled = table.querySelector(".ev-table")?.scrollLeft || 0;
  table.replaceChildren(...(value.rows?.length ? [el("div", { class: "card" }, el("h3", {}, "Results"), el("p", { class: "hint" }, "Same prompts, same seeds. A gain is the difference to the first row, with its interval over prompts."), resultTable(value, open, chosen))] : []));
  const again = table.querySelector(".ev-table");
  if (again) again.scrollLeft = scrolled;
  if (focused >= 0) table.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
};

const fetchMaps = (kind) => server.maps({ id: props.value.id, kind, dark: document.body.classList.contains("dark") }).catch(() => ({ problem: "The server did not answer. Try again." }));
const useBest = () => {
  document.querySelector("#eval-more button.label-wrap:not(.open)")?.click();
  trigger("select", { id: props.value.id, best: true });
};
// Once: the end is told several times.
let ended = "";
const drawAfter = (value) => {
  const now = `${value.id} ${Boolean(value.best?.length)} ${Boolean(value.maps)}`;
  if (now === ended) return;
  ended = now;
  best.replaceChildren(...(value.best?.length ? [bestCard(value, useBest)] : []));
  maps.replaceChildren(...(value.maps ? [mapsCard(fetchMaps)] : []));
};

let shown = null;
const draw = () => {
  const value = props.value || { state: "idle" };
  root.dataset.state = value.state;
  if (value.state === "idle") return root.replaceChildren(idle());
  if (shown !== value.id) { shown = value.id; chosen = null; found = null; pane.replaceChildren(); drawn = ""; }
  if (top_.parentNode !== root) root.replaceChildren(top_, best, table, pane, maps);
  const busy = value.state === "running" || value.state === "waiting";
  top_.replaceChildren(...[el("p", { class: "ev-title" }, value.title), value.problem ? banner(value) : null, busy ? progress(value) : null,
    value.laid_out?.length ? el("p", { class: "hint ev-laid" }, `Laid out: ${value.laid_out.join(", ")}`) : null].filter(Boolean));
  drawTable(value);
  drawAfter(value);
};
watch("value", draw);
draw();
onPulse("tasks");
