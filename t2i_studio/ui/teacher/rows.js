// A row a noun: teacher, student, with a LoRA its maps too, what differs, and where the object truly is.
const MEASURES = {
  peak: ["peak", "largest probability at any place"],
  concentration: ["concentration", "1 − entropy: 0 spread evenly, 1 a single cell"],
  mass_in_mask: ["on its object", "share of the map that lies on the object"],
};
const TERMS = {
  pixel: ["pixel", "mean squared difference of the two maps, each of mean 1"],
  semantic: ["semantic", "the same between their codes, in the autoencoder a training starts from"],
  reconstruction: ["reconstruction", "how badly that autoencoder redraws the teacher's map"],
  response: ["response", "how far the student's peak falls short of the strongest word's, less a margin of a tenth"],
};

const measured = (probe, noun, source, variant, at) => Object.entries(MEASURES)
  .filter(([name]) => name !== "mass_in_mask" || probe.nouns[noun].known)
  .map(([name, [label, about]]) => [label, numberText(probe.number(name, noun, source, variant, at)), about]);

const termsOf = (probe, noun, variant, view) => Object.entries(TERMS)
  .map(([name, [label, about]]) => [label, numberText(probe.term(name, noun, variant, view.tea, view.stu)), `CTCal's ${label} term, unweighted: ${about}`]);

const newRow = (probe, noun, ask) => {
  const { id, colour } = probe.nouns[noun];
  const withLora = probe.variants > 1;
  const figures = {
    teacher: new Figure(probe, noun, "Teacher", "teacher"), student: new Figure(probe, noun, "Student", "student"),
    ...(withLora ? { lora: new Figure(probe, noun, "LoRA", "lora") } : {}),
    difference: new Figure(probe, noun, "Student − teacher", "difference"),
    ...(withLora ? { changed: new Figure(probe, noun, "LoRA − base", "changed") } : {}),
    ...(probe.masks[noun] ? { mask: new Figure(probe, noun, "True mask", "mask") } : {}),
  };
  const read = el("span", { class: "tea-read", role: "status" });
  const node = el("section", { class: "tea-row", "data-noun": id, "aria-label": `Maps of ${id}` },
    el("h4", {}, el("span", { class: "pl-dot" }), el("span", { dir: "auto" }, id), read),
    el("div", { class: "tea-figures" }, ...Object.values(figures).map((one) => one.node)));
  node.style.setProperty("--noun", nounColour(colour));
  for (const figure of Object.values(figures)) askAt(figure.box, ask);

  const draw = (view) => {
    const source = probe.source(view.source);
    const other = view.lora === "teacher" ? view.tea : view.stu;
    const shown = { teacher: [0, view.tea], student: [0, view.stu], lora: [1, other] };
    for (const [name, [variant, at]] of Object.entries(shown)) {
      const figure = figures[name];
      if (!figure) continue;
      figure.heat(probe.frame(noun, source, variant, at, view.own), source, view);
      figure.when.textContent = probe.time(at);
      const rows = measured(probe, noun, source, variant, at);
      figure.tell(rows);
      figure.box.setAttribute("aria-label", `${figure.title.textContent}'s map of ${id} at ${probe.time(at)}: ${rows.map(([label, text]) => `${label} ${text}`).join(", ")}`);
    }
    const between = (figure, first, second, variant, label) => {
      figure.difference(probe.difference(noun, source, first, second), source, view);
      figure.tell(termsOf(probe, noun, variant, view));
      figure.box.setAttribute("aria-label", `${label} for ${id}: blue less, red more`);
    };
    between(figures.difference, [0, view.tea], [0, view.stu], 0, "Student's map minus teacher's");
    if (withLora) {
      between(figures.changed, [0, other], [1, other], 1, "Map with the LoRA minus the base model's");
      figures.changed.when.textContent = probe.time(other);
    }
    if (figures.mask) {
      figures.mask.mask();
      const inside = probe.masks[noun].values;
      const share = inside.reduce((sum, v) => sum + v, 0) / inside.length;
      figures.mask.tell([["of the picture", numberText(share), "what an even map would put on the object"]]);
      figures.mask.box.setAttribute("aria-label", `Where ${id} truly is: ${Math.round(share * 100)} % of the picture`);
    }
  };

  const look = (view) => {
    const source = probe.source(view.source);
    Object.values(figures).forEach((figure) => figure.look(view.cell, source));
    if (!view.cell) return read.replaceChildren();
    const [row, column] = [Math.floor(view.cell[0] * source.rows), Math.floor(view.cell[1] * source.columns)];
    const value = (variant, at) => {
      const { values, top } = probe.frame(noun, source, variant, at);
      return shortNumber(values[row * source.columns + column] * top);
    };
    const lora = withLora ? ` · LoRA ${value(1, view.lora === "teacher" ? view.tea : view.stu)}` : "";
    return read.replaceChildren(`row ${row + 1}, column ${column + 1}: teacher ${value(0, view.tea)} · student ${value(0, view.stu)}${lora}`);
  };
  return { node, draw, look };
};

// The place under the pointer, the same in every figure.
const askAt = (box, ask) => {
  const inside = (v) => Math.min(Math.max(v, 0), 0.9999);
  const at = (event) => {
    const { left, top, width, height } = box.getBoundingClientRect();
    ask([inside((event.clientY - top) / height), inside((event.clientX - left) / width)]);
  };
  box.addEventListener("pointermove", at);
  box.addEventListener("pointerdown", at);
  box.addEventListener("pointerleave", () => ask(null));
};
