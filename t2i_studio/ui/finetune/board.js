// Fine-tunes: the list of jobs, and the chosen one live: how far it is, its curves, samples and last words.
const root = element.querySelector(".board");
const STATES = { waiting: "waiting", running: "learning", stopping: "stopping", done: "done", stopped: "stopped", failed: "failed" };
const ABOUT = {
  loss: "all that is lowered", diffusion: "the model's own loss", pixel: "student's maps against teacher's",
  semantic: "the same, as the autoencoder sees them", reconstruction: "how well the autoencoder knows maps",
  response: "subjects far weaker than the strongest", lambda_t: "mean weight by noise", grad_norm: "length of the gradient, before clipping",
};
const GIVES = { lora: "LoRA", model: "model" };
let at = null; // sample in sight; null: the newest
let seen = "";

const tell = (action, job, to = "") => trigger("select", { action, job, to });
const PLACES = { inspect: "Inspect", guide: "Guide", teacher: "Teacher–Student", evaluate: "Evaluate" };
const action = (label, name, job, extra = "") => el("button", { type: "button", class: `file ${extra}`, onclick: () => tell(name, job.id) }, label);

const duration = (seconds) => {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 90) return `about ${Math.max(1, seconds)} s left`;
  return seconds < 5400 ? `about ${Math.round(seconds / 60)} min left` : `about ${(seconds / 3600).toFixed(1)} h left`;
};

const row = (job, chosen) => el("li", {}, el("button", { type: "button", class: "job", "aria-pressed": String(chosen), onclick: () => tell("choose", job.id) },
  el("span", { class: "job-title" }, job.title), el("span", { class: `job-state job-${job.state}` }, STATES[job.state]),
  el("span", { class: "hint" }, `${job.model} · ${job.step} of ${job.num_steps} steps`)));

const head = (job) => {
  const running = job.state === "running" || job.state === "stopping";
  const bar = el("progress", { max: job.num_steps, value: job.step, "aria-label": "Steps done" });
  const buttons = [];
  if (running) buttons.push(action(job.state === "stopping" ? "End at once" : "Stop", job.state === "stopping" ? "force" : "stop", job, "file-bad"));
  if (job.state === "waiting") buttons.push(action("Take out", "stop", job));
  if (job.state === "stopped" || job.state === "failed") buttons.push(action("Resume", "resume", job));
  buttons.push(action("Duplicate", "duplicate", job));
  if (!running) buttons.push(action("Delete", "delete", job, "file-bad"));
  const state = STATES[job.state];
  const speed = job.seconds_a_step ? ` · ${job.seconds_a_step} s a step` : "";
  return el("section", { class: "card board-head" },
    el("h3", {}, job.title, el("span", { class: `job-state job-${job.state}` }, state)),
    el("p", { class: "hint" }, `${job.method} on ${job.model}, from ${job.data}`),
    el("div", { class: "stage-line" }, el("span", { class: "stage-step", role: "status" }, job.waits || (running && !job.step) ? job.waits || "Getting ready: model, pictures, weights of the terms" : `step ${job.step} of ${job.num_steps}${speed}`), el("span", { class: "stage-left" }, duration(job.seconds_left))), bar,
    job.reason ? el("p", { class: `banner ${job.state === "failed" ? "bad" : "calm"}`, role: job.state === "failed" ? "alert" : "status" }, job.reason) : null,
    job.gives ? el("div", { class: "board-actions board-use", role: "group", "aria-label": `Use this ${GIVES[job.gives]}` }, el("span", {}, `Use this ${GIVES[job.gives]} in`),
      ...Object.entries(PLACES).map(([to, label]) => el("button", { type: "button", class: "file file-main", onclick: () => tell("use", job.id, to) }, label))) : null,
    el("div", { class: "board-actions" }, ...buttons),
    job.gives ? el("p", { class: "hint board-folder" }, `The ${GIVES[job.gives]} lies in `, el("code", {}, job.folder)) : null);
};

const samples = (job) => {
  if (!job.samples.length) return null;
  const index = at === null ? job.samples.length - 1 : Math.min(at, job.samples.length - 1);
  const one = job.samples[index];
  const figures = one.images.map((src, i) => el("figure", {}, el("img", { src, alt: `${job.prompts[i]} at step ${one.step}` }), el("figcaption", { class: "hint" }, job.prompts[i])));
  if (one.maps) figures.push(el("figure", { class: "board-maps" }, el("img", { src: one.maps, alt: `Teacher's and student's maps at step ${one.step}` }), el("figcaption", { class: "hint" }, "maps of one fixed picture: teacher, student")));
  const slider = el("input", { type: "range", min: 0, max: job.samples.length - 1, value: index, class: "board-slider", "aria-label": "Sample over the training" });
  slider.addEventListener("input", () => { at = Number(slider.value) === job.samples.length - 1 ? null : Number(slider.value); draw(true); root.querySelector(".board-slider")?.focus(); });
  return el("section", { class: "card" }, el("h3", {}, "Samples"), el("p", { class: "hint" }, `The same prompts and seeds at step ${one.step}.`),
    job.samples.length > 1 ? slider : null, el("div", { class: "board-samples" }, ...figures));
};

const charts = (job) => {
  const { steps, numbers } = job.series;
  if (steps.length < 2) return null;
  const drawnCharts = Object.entries(numbers).map(([name, values], i) => {
    const chart = lossChart(name.replace(/_/g, " "), [{ label: name, values, colour: nounColour(i) }], values.length);
    chart.querySelector("figcaption").append(ABOUT[name] || "");
    return chart;
  });
  return el("section", { class: "card losses" }, el("h3", {}, "Losses over the steps"),
    el("p", { class: "hint" }, `Each before its weight; steps 1 to ${steps.at(-1)}.`), el("div", { class: "loss-charts" }, ...drawnCharts));
};

const words = (job) => (job.log.length ? el("details", { class: "card board-log", open: job.state === "failed" }, el("summary", {}, "Last words"), el("pre", { tabindex: "0" }, job.log.join("\n"))) : null);

const welcome = () => el("div", { class: "pair-stage" }, el("div", { class: "stage-welcome" }, el("h2", {}, "Teach it to look"),
  el("p", {}, "A model that can still see the picture knows where each word belongs; one that sees almost only noise does not. CTCal lets the first teach the second, in a small add-on: a LoRA."),
  el("ol", {}, el("li", {}, "Choose a model, pictures with captions, and a preset."), el("li", {}, "Start. It learns in the background; close the page if you like."), el("li", {}, "Use the LoRA in every other tab, and see in Evaluate what it is worth."))));

const draw = (force = false) => {
  const value = props.value || { jobs: [], job: null };
  const now = JSON.stringify(value);
  if (now === seen && force !== true) return;
  if (value.job?.id !== root.dataset.job) at = null;
  seen = now;
  root.dataset.job = value.job?.id || "";
  root.dataset.state = value.job?.state || "none";
  if (!value.job) return root.replaceChildren(welcome());
  const open = root.querySelector(".board-log")?.open;
  const log = words(value.job);
  if (log && open !== undefined) log.open = open || value.job.state === "failed";
  const list = el("ul", { class: "card job-list", "aria-label": "Fine-tunes" }, ...value.jobs.map((job) => row(job, job.id === value.job.id)));
  root.replaceChildren(...[head(value.job), samples(value.job), charts(value.job), log, list].filter(Boolean));
};
watch("value", draw);
draw();
