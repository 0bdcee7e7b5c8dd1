// The table: a block of rows for each group of prompts, the first way on top, differences to it below.
// Every number is a button: it opens the pictures behind it.
const MARKS = { 1: "▲", "-1": "▼", 0: "" };
const SURE = { 1: "the interval is above 0", "-1": "the interval is below 0", 0: "the interval holds 0" };

const spanBar = ([value, low, high]) => {
  const bar = el("span", { class: "ev-bar", "aria-hidden": "true" }, el("i", {}), el("b", {}));
  bar.firstChild.style.left = `${100 * low}%`;
  bar.firstChild.style.width = `${100 * Math.max(0.005, high - low)}%`;
  bar.lastChild.style.left = `${100 * value}%`;
  return bar;
};

const valueCell = (row, cell, column, open) => {
  const [, low, high] = cell.span.map((number) => number.toFixed(cell.digits));
  const label = `${column.name} ${cell.text}, 95 % from ${low} to ${high}: ${row.way}, ${row.group}. Open its pictures`;
  const button = el("button", { type: "button", class: "ev-cell", "aria-label": label, onclick: () => open(row, "all") },
    el("span", { class: "ev-value" }, cell.text), el("small", {}, `${low} – ${high}`), column.share ? spanBar(cell.span) : null);
  return el("td", {}, button);
};

const gainCell = (row, cell, column, open) => {
  if (!cell.gain) return el("td", { class: "ev-none" }, "–");
  const label = `${column.name}: ${cell.gain} against the first row, 95 % from ${cell.low} to ${cell.high}, ${SURE[cell.sure]}. Open what was won`;
  return el("td", {}, el("button", { type: "button", class: "ev-cell ev-gain", "data-sure": cell.sure, "aria-label": label, onclick: () => open(row, cell.sure < 0 ? "lost" : "won") },
    el("span", { class: "ev-value" }, cell.gain, MARKS[cell.sure] ? ` ${MARKS[cell.sure]}` : ""), el("small", {}, `${cell.low} – ${cell.high}`)));
};

const tableRow = (row, columns, base, open, chosen) => {
  const cells = columns.flatMap((column, i) => (row.cells[i]
    ? [valueCell(row, row.cells[i], column, open), gainCell(row, row.cells[i], column, open)] : [el("td", {}), el("td", {})]));
  const pictures = row.pictures < row.of ? `${row.pictures} of ${row.of}` : `${row.pictures}`;
  const count = el("button", { type: "button", class: "ev-cell", "aria-label": `${pictures} pictures of ${row.way}, ${row.group}. Open them`, onclick: () => open(row, "all") }, pictures);
  return el("tr", { class: chosen ? "ev-chosen" : "" }, el("th", { scope: "row" }, row.way || "as it paints", row.way === base ? el("small", {}, " the others are compared with it") : null),
    el("td", {}, count), ...cells, el("td", { class: "ev-cost" }, row.seconds ?? "–"), el("td", { class: "ev-cost" }, row.memory ?? "–"));
};

const resultTable = (value, open, chosen) => {
  const severalWays = new Set(value.rows.map((row) => row.way)).size > 1;
  const columns = value.columns;
  const head = el("tr", {}, el("th", { scope: "col" }, "way"), el("th", { scope: "col" }, "pictures"),
    ...columns.flatMap((column) => [el("th", { scope: "col", title: column.hint }, column.name), el("th", { scope: "col", title: "Difference to the first row on the same prompts and seeds" }, "gain")]),
    el("th", { scope: "col", title: "Mean of painting one picture; judging it comes on top" }, "seconds"), el("th", { scope: "col", title: "Device memory at its highest, where the device tells" }, "peak MB"));
  const width = 4 + 2 * columns.length;
  // What is wanted first, first: all prompts together.
  const named = [...new Set(value.rows.map((row) => row.group))];
  const groups = [...named.filter((group) => group === "all"), ...named.filter((group) => group !== "all")];
  const body = groups.flatMap((group) => [
    el("tr", { class: "ev-group" }, el("th", { scope: "colgroup", colspan: width }, group === "all" ? "all prompts" : group)),
    ...value.rows.filter((row) => row.group === group).map((row) => tableRow(row, columns, severalWays && group === groups[0] ? value.base : null, open, chosen && chosen.way === row.way && chosen.group === row.group)),
  ]);
  return el("div", { class: "ev-table", role: "region", "aria-label": "Results", tabindex: "0" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...body)));
};
