// What stands around the table at the end: the best trials of a search, the maps over the steps.
const bestCard = (value, useBest) => {
  const [first] = value.best;
  const head = el("tr", {}, ...["way", "tried", "chosen", first.measure].map((name) => el("th", { scope: "col" }, name)));
  const rows = value.best.map((one) => el("tr", {}, el("th", { scope: "row" }, one.way), el("td", {}, String(one.tried)), el("td", {}, one.dials || "–"), el("td", {}, one.value)));
  return el("section", { class: "card ev-best" },
    el("div", { class: "ev-head" }, el("h3", {}, "Best of the search"), el("button", { type: "button", class: "file", title: "Keeps them as a file of named ways, and puts it into the controls", onclick: useBest }, "Use these")),
    el("p", { class: "hint" }, "Chosen on these prompts: report them on others."),
    el("div", { class: "ev-table", role: "region", "aria-label": "Best of the search", tabindex: "0" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows))));
};

const keepFile = (made) => {
  const link = el("a", { href: made.file, download: made.name });
  document.body.append(link);
  link.click();
  link.remove();
};

// `fetchMaps(kind)` asks the server for a png, pdf or csv.
const mapsCard = (fetchMaps) => {
  const image = el("img", { alt: "Scatter of the subjects' maps and overlap of two subjects over the steps, a line a way, with 95 % bands", hidden: true });
  const status = el("p", { class: "hint", role: "status" }, "Drawing …");
  const keep = (kind) => async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    const made = await fetchMaps(kind);
    button.disabled = false;
    status.textContent = made.problem || "";
    if (!made.problem) keepFile(made);
  };
  fetchMaps("png").then((made) => {
    status.textContent = made.problem || "";
    if (made.problem) return;
    image.src = made.file;
    image.hidden = false;
  });
  return el("section", { class: "card ev-maps" },
    el("div", { class: "ev-head" }, el("h3", {}, "Maps by step"), el("span", { class: "ev-acts" }, ...["pdf", "csv"].map((kind) => el("button", { type: "button", class: "file", "data-kind": kind, onclick: keep(kind) }, kind.toUpperCase())))),
    el("p", { class: "hint" }, "Guidance acts where its line leaves the first way's."), image, status);
};
