// Layers × noise levels, coloured by how much the layer knows: which ones carry the meaning, and until when.
const newSites = (probe, set) => {
  const { measure } = probe.data;
  const means = probe.sources.map((source) => probe.timesteps.map((_, at) => meanOf(probe, source, measure, at)));
  const top = Math.max(...means.flat().filter((v) => v !== null), 1e-6);
  const heads = probe.timesteps.map((t) => el("th", { scope: "col" }, timeText(t)));
  const rows = probe.sources.map((source, i) => siteRow(probe, source, means[i], top, () => set({ source: source.id })));
  const table = el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Layer"), ...heads)), el("tbody", {}, ...rows.map((row) => row.node)));
  const what = measure === "mass_in_mask" ? "Share of a word's map that lies on its object" : "Concentration of a word's map";
  const missing = probe.data.left_out ? el("p", { class: "hint" }, `${probe.data.left_out} layers did not fit into the page and can't be shown.`) : null;
  const node = el("section", { class: "card tea-card" }, el("h3", {}, "Which layers carry the meaning"),
    el("p", { class: "hint" }, `${what}, mean over the words. Click a layer to see its maps above.`),
    el("div", { class: "tea-sites", tabindex: 0, role: "group", "aria-label": "Layers and noise levels" }, table), missing,
    el("div", { class: "tea-scale" }, "0", scaleBar(probe.maps.palette), numberText(top)));
  const draw = (view) => {
    const carrying = probe.verdict(0, view.tea, view.stu)?.sites || [];
    probe.sources.forEach((source, i) => rows[i].draw(view.source === source.id, carrying.includes(source.id)));
    heads.forEach((head, at) => {
      head.classList.toggle("tea-is-tea", at === view.tea);
      head.classList.toggle("tea-is-stu", at === view.stu);
    });
  };
  return { node, draw };
};

const meanOf = (probe, source, measure, at) => {
  const values = probe.nouns.map((_, n) => probe.number(measure, n, source, 0, at)).filter((v) => v !== null);
  return values.length ? values.reduce((sum, v) => sum + v, 0) / values.length : null;
};

const siteRow = (probe, source, values, top, choose) => {
  const together = source.id === TRAINING;
  const badge = el("span", { class: "tea-badge" });
  const button = el("button", { type: "button", class: "tea-site", title: together ? "Mean of the layers that training uses" : source.id, onclick: choose },
    together ? "Training's mean" : source.label, el("small", {}, ` ${source.grid.join("×")}${source.default ? " · in training" : ""}`), badge);
  const cells = values.map((value) => {
    const cell = el("td", { onclick: choose }, value === null ? "–" : shortNumber(value));
    if (value !== null) paintCell(cell, probe.maps.palette, value / top);
    return cell;
  });
  const node = el("tr", { class: together ? "tea-together" : "", "data-site": source.id }, el("th", { scope: "row" }, button), ...cells);
  const draw = (chosen, carries) => {
    button.setAttribute("aria-pressed", String(chosen));
    node.classList.toggle("chosen", chosen);
    badge.textContent = carries ? " carries it" : "";
  };
  return { node, draw };
};

// Ground by value, ink by whichever reads better on it.
const paintCell = (cell, palette, share) => {
  const at = Math.round(Math.min(Math.max(share, 0), 1) * 255) * 3;
  const colour = [...palette.slice(at, at + 3)];
  const linear = colour.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  cell.style.background = `rgb(${colour.join(" ")})`;
  cell.style.color = light > 0.179 ? "#000" : "#fff";
};
