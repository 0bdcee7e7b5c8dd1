// One picture at little and at much noise: how far the look is, then everything that the sliders move.
const root = element.querySelector(".teacher");
const busyCard = el("div", { class: "pair-stage" });
const painting = newPaintingPlace(busyCard, "teacher-cancel");
let open = null;
let kept = null; // what the sliders were set to, while the same comparison is drawn again

const welcome = () => el("div", { class: "pair-stage" }, el("div", { class: "stage-welcome" }, el("h2", {}, "Does the teacher know better?"),
  el("p", {}, "Little noise hides nothing: there a model's maps should sit on the things they name. CTCal lets such a look, the teacher's, correct the look through much noise, the student's. That helps only where the teacher's maps are better. Here you see whether they are, before you train."),
  el("ol", {}, el("li", {}, "Take a picture: your own, one from Runs, or a new scene with its true masks."), el("li", {}, "Say what is to be seen on it."), el("li", {}, "Compare, then move teacher and student through the noise."))));

const toggle = (label, name, view, set) => {
  const box = el("input", { type: "checkbox", onchange: () => set({ [name]: box.checked }) });
  box.checked = view[name];
  return { box, node: el("label", { class: "pl-check" }, box, label) };
};

const newComparison = (data) => {
  const probe = new ProbeData(data);
  let view = { tea: data.teacher, stu: data.student, source: TRAINING, raw: false, under: true, own: false, lora: "student", number: data.measure, cell: null, ...kept };
  const set = (changes) => {
    const before = view;
    view = apart(view, changes, probe.last);
    kept = { ...view, cell: null };
    if ("cell" in changes) return rows.forEach((row) => row.look(view));
    return draw(before.source !== view.source || before.number !== view.number);
  };
  const rows = probe.nouns.map((_, noun) => newRow(probe, noun, (cell) => set({ cell })));
  const levels = newLevels(probe, set);
  const verdict = newVerdict(probe, set);
  const decay = newDecay(probe, set);
  const sites = newSites(probe, set);
  const raw = toggle("Raw cells (R)", "raw", view, set);
  const under = toggle("Picture below", "under", view, set);
  const own = toggle("Scale each map", "own", view, set);
  const back = el("button", { type: "button", class: "plain-link", onclick: () => set({ source: TRAINING }) }, "Back to training's mean");
  const which = el("span", { class: "tea-which" });
  const lora = probe.variants > 1 ? el("select", { "aria-label": "LoRA at whose timestep", onchange: () => set({ lora: lora.value }) },
    el("option", { value: "student" }, "student's"), el("option", { value: "teacher" }, "teacher's")) : null;
  const tools = el("div", { class: "pl-row tea-tools" }, raw.node, under.node, own.node, lora ? el("label", { class: "pl-field" }, el("span", {}, "LoRA at"), lora) : null, which, back);
  const keep = keepCard({ kinds: data.kinds, command: data.command, get run() { return [data.ids, probe.timesteps[view.tea], probe.timesteps[view.stu]]; } }, false);
  const node = el("div", { class: "tea" }, verdict.node,
    el("section", { class: "card tea-card" }, el("div", { class: "tea-head" }, levels.node, tools), ...rows.map((row) => row.node),
      el("p", { class: "hint" }, "Every word has one scale over all noise levels, unless each map is scaled. Differences are of maps brought to mean 1, as the loss compares them: blue less, red more. Below them stand CTCal's terms as the first step of a training has them, before their weights; they are always of the layers training uses.")),
    decay.node, sites.node, keep);

  const draw = (deep) => {
    levels.draw(view);
    verdict.draw(view);
    rows.forEach((row) => { row.draw(view); row.look(view); });
    sites.draw(view);
    if (deep) decay.draw(view);
    else decay.move(view);
    raw.box.checked = view.raw;
    const source = probe.source(view.source);
    which.textContent = source.id === TRAINING ? `maps of ${source.grid.join("×")}, mean of the layers training uses` : `maps of ${source.label} at ${source.grid.join("×")}`;
    back.hidden = source.id === TRAINING;
  };
  return { node, draw, close: listened(node, decay.box, () => draw(true), () => set({ raw: !view.raw })) };
};

// R shows raw cells; another width or light draws anew. Returns how to stop.
const listened = (node, box, redraw, turn) => {
  const press = (event) => {
    if (event.key.toLowerCase() !== "r" || event.ctrlKey || event.metaKey || event.altKey) return;
    const focus = document.activeElement || document.body;
    if (focus.matches("textarea, select, input:not([type=range], [type=checkbox])")) return;
    if (node.contains(focus) || (focus === document.body && node.matches(":hover"))) turn();
  };
  document.addEventListener("keydown", press);
  let width = 0;
  const sized = new ResizeObserver(() => {
    if (box.clientWidth === width || !box.clientWidth) return;
    width = box.clientWidth;
    redraw();
  });
  sized.observe(box);
  const themed = new MutationObserver(() => { if (node.isConnected && box.clientWidth) redraw(); });
  themed.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  return () => { document.removeEventListener("keydown", press); sized.disconnect(); themed.disconnect(); };
};

let shown = ""; // ids of the comparison on the page
const draw = () => {
  const value = props.value || { state: "idle" };
  root.dataset.state = value.state;
  if (value.state === "running") {
    if (busyCard.parentNode !== root) root.replaceChildren(busyCard);
    return painting.show(value);
  }
  painting.end();
  if (value.state === "done") {
    if (shown !== value.ids.join()) kept = null;
    shown = value.ids.join();
    open?.close();
    open = newComparison(value);
    root.replaceChildren(...(value.problem ? [banner({ ...value, state: "failed" })] : []), open.node);
    return open.draw(true);
  }
  const below = open?.node || welcome();
  return root.replaceChildren(...(value.state === "idle" ? [] : [banner(value)]), below);
};
watch("value", draw);
draw();
onPulse("tasks");
