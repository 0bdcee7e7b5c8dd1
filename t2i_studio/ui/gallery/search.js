// What narrows the runs down. Typing waits a moment, a choice acts at once.
const PAUSE = 250;

const newSearch = (changed) => {
  let timer = 0;
  const later = () => { clearTimeout(timer); timer = setTimeout(changed, PAUSE); };
  const words = el("input", { type: "search", class: "gallery-words", placeholder: "Words of the prompt", "aria-label": "Search by words of the prompt", oninput: later });
  const model = el("select", { class: "gallery-model", "aria-label": "Model", onchange: changed }, el("option", { value: "" }, "every model"));
  const method = el("select", { class: "gallery-method", "aria-label": "Method", onchange: changed }, el("option", { value: "" }, "every method"));
  const since = el("input", { type: "date", max: "9999-12-31", class: "gallery-since", "aria-label": "Made on this day or later", onchange: changed });
  const until = el("input", { type: "date", max: "9999-12-31", class: "gallery-until", "aria-label": "Made on this day or before", onchange: changed });
  const node = el("form", { class: "gallery-search", role: "search", onsubmit: (event) => { event.preventDefault(); changed(); } },
    words, model, method, el("label", {}, "from", since), el("label", {}, "to", until));
  const values = () => ({ query: words.value, model: model.value, method: method.value, since: day(since.value, 0), until: day(until.value, 1) });
  const offer = (models, methods) => {
    fill(model, models, (name) => name);
    fill(method, methods, (name) => (name === "none" ? "plain sampling" : name));
  };
  return { node, values, offer, active: () => Object.values(values()).some(Boolean) };
};

// The visitor's midnight as a moment; `later` days after.
const day = (text, later) => {
  if (!text) return "";
  const [year, month, date] = text.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
};

const fill = (select, names, label) => {
  const kept = select.value;
  select.replaceChildren(select.options[0], ...names.map((name) => el("option", { value: name }, label(name))));
  select.value = names.includes(kept) ? kept : "";
};
