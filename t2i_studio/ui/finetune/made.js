// The pictures of a data set in the making: kept or not, each with its reward and why.
const madeRoot = el("section", { class: "card made" });
let madeOf = "", madeOnly = "all", madePage = null, madeAsked = 0, madeCount = -1;

const madeCard = (item) => el("li", { class: "made-card", "data-kept": String(item.kept) },
  el("img", { src: item.image, alt: `${item.prompt}, seed ${item.seed}: ${item.kept ? "kept" : "dropped"}, ${item.why}` }),
  el("span", { class: "made-fate" }, item.kept ? "✓ " : "✗ ", `${item.reward} · ${item.why}`),
  el("span", { class: "made-prompt", dir: "auto" }, item.prompt), el("small", {}, item.found ? `seen: ${item.found}` : `seed ${item.seed}`));

const drawMade = (job) => {
  const counts = madePage?.counts || { all: 0, kept: 0, dropped: 0 };
  const filters = ["all", "kept", "dropped"].map((name) => el("button", { type: "button", class: "ev-only", "aria-pressed": String(name === madeOnly), onclick: () => { madeOnly = name; fetchMade(job, 0); } }, name, el("small", {}, ` ${counts[name]}`)));
  const left = madePage ? madePage.total - madePage.items.length : 0;
  madeRoot.replaceChildren(...[el("h3", {}, "Pictures"), el("p", { class: "hint" }, "Reward and reason of each, once all of its prompt are painted; prompt by prompt, the best first."),
    el("div", { class: "ev-filters", role: "group", "aria-label": "Which pictures" }, ...filters),
    madePage?.problem ? el("p", { class: "banner bad", role: "alert" }, madePage.problem) : null,
    madePage?.items?.length ? el("ul", { class: "made-grid" }, ...madePage.items.map(madeCard)) : el("p", { class: "hint" }, counts.all ? "No picture." : "None yet."),
    left > 0 ? el("button", { type: "button", class: "file ev-more", onclick: () => fetchMade(job, madePage.items.length) }, `Show more, ${left} left`) : null].filter(Boolean));
};

const fetchMade = async (job, offset) => {
  const mine = ++madeAsked;
  const page = await server.pictures({ id: job.id, only: madeOnly, offset }).catch(() => ({ problem: "The server did not answer. Try again.", items: [], total: 0 }));
  if (mine !== madeAsked) return;
  madePage = offset && !page.problem ? { ...page, items: [...madePage.items, ...page.items] } : page;
  drawMade(job);
};

// What is in sight stays while more comes: only counts and the first page follow.
const made = (job) => {
  const count = job.made.kept + job.made.dropped;
  if (madeOf !== job.id) { madeOf = job.id; madeOnly = "all"; madePage = null; madeCount = -1; }
  if (count !== madeCount && (!madePage || madePage.items.length <= 24)) { madeCount = count; fetchMade(job, 0); }
  if (!madePage) drawMade(job);
};
