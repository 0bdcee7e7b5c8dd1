// One run in the player, or two side by side with what differs marked.
const back = () => el("a", { class: "plain-link run-back", href: "#runs" }, "← All runs");

const openedRun = (run, { use, compare, remove }) => {
  const player = createPlayer(run.look);
  const actions = el("div", { class: "run-actions" },
    el("button", { type: "button", class: "file run-use", onclick: use }, "Use these settings in Inspect"),
    el("button", { type: "button", class: "file run-compare", onclick: compare }, "Compare with another"),
    el("button", { type: "button", class: "file run-delete", onclick: remove }, "Delete"));
  const node = el("div", { class: "run-one", "data-run": run.look.id }, back(),
    el("div", { class: "card" }, player.node), run.losses.length ? lossCharts(run.losses) : null, actions, keepCard(run.keep),
    el("section", { class: "card" }, el("h3", {}, "What was asked"), parameterTable([run])));
  return { node, close: player.close };
};

const comparedRuns = (runs) => {
  const players = runs.map((run) => createPlayer(run.look));
  let part = lockPlayers(...players);
  const lock = el("input", { type: "checkbox", class: "run-lock", onchange: () => {
    if (lock.checked) part = lockPlayers(...players);
    else part();
  } });
  lock.checked = true;
  const node = el("div", { class: "run-two" }, back(),
    el("div", { class: "run-row" }, el("h3", {}, "Two runs side by side"), el("label", { class: "pl-check" }, lock, "in step: one word, one noise level, one place")),
    el("div", { class: "run-pair" }, ...players.map((player, i) => el("div", { class: "card", "data-run": runs[i].look.id }, player.node))),
    runs.some((run) => run.losses.length) ? lossCharts(runs.flatMap((run) => run.losses)) : null,
    el("section", { class: "card" }, el("h3", {}, "What differs"), parameterTable(runs)));
  return { node, close: () => players.forEach((player) => player.close()) };
};

// What was asked; with two runs the rows that differ come first, and say so in a word, not by colour alone.
const parameterTable = (runs) => {
  const rows = rowsOf(runs, "asked").map((row) => ({ ...row, differs: new Set(row.values).size > 1 }));
  rows.sort((a, b) => b.differs - a.differs);
  return el("div", {}, tableOf(rows, runs.length),
    el("details", { class: "run-rest" }, el("summary", {}, "How it went, and with what versions"), tableOf(rowsOf(runs, "facts"), runs.length)));
};

const rowsOf = (runs, part) => {
  const names = [...new Set(runs.flatMap((run) => run[part].map(([name]) => name)))];
  const value = (run, name) => run[part].find(([other]) => other === name)?.[1] ?? "–";
  return names.map((name) => ({ name, values: runs.map((run) => value(run, name)) }));
};

const tableOf = (rows, columns) => {
  const body = rows.map(({ name, values, differs }) => el("tr", { class: differs ? "differs" : "" },
    el("th", { scope: "row" }, name, differs ? el("span", { class: "differs-mark" }, "differs") : null), ...values.map((text) => el("td", { dir: "auto" }, text))));
  const head = el("thead", {}, el("tr", {}, ...["Setting", "Left", "Right"].map((text) => el("th", { scope: "col" }, text))));
  return el("div", { class: "run-table", tabindex: "0", role: "group", "aria-label": "Settings" }, el("table", {}, columns > 1 ? head : null, el("tbody", {}, ...body)));
};
