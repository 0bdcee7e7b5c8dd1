// Whether this teacher is worth following, in words with their numbers.
const newVerdict = (probe, set) => {
  const node = el("section", { class: "card tea-verdict", "aria-live": "polite" });
  const draw = (view) => {
    const found = probe.data.variants.map((_, variant) => probe.verdict(variant, view.tea, view.stu));
    const good = found[0]?.good;
    node.dataset.good = String(Boolean(good));
    node.replaceChildren(...[
      el("h3", {}, el("span", { class: "tea-sign", "aria-hidden": "true" }, good ? "✓" : "!"), good ? "Worth teaching" : "Warning: this teacher knows no better"),
      ...found.map((one, variant) => el("p", {}, probe.variants > 1 ? el("strong", {}, variant ? "With the LoRA: " : "Base model: ") : null, one ? one.text : "–")),
      carriers(probe, found[0]?.sites || [], set),
      found[0] ? el("p", {}, el("button", { type: "button", class: "file", onclick: () => trigger("select", { t_tea: found[0].t_tea, sites: oneSize(probe, found[0].sites) }) }, "Fine-tune with these settings")) : null,
      el("p", { class: "hint" }, `${probe.data.facts}. One picture and one noise: look at others before you trust it.`)].filter(Boolean));
  };
  return { node, draw };
};

// Training takes the mean over its layers, which must share a size: those of the largest are named.
const oneSize = (probe, sites) => {
  const known = sites.map((id) => probe.sources.find((source) => source.id === id)).filter(Boolean);
  const most = Math.max(...known.map((source) => source.rows));
  return known.filter((source) => source.rows === most).map((source) => source.id);
};

const carriers = (probe, sites, set) => {
  const known = sites.map((id) => probe.sources.find((source) => source.id === id)).filter(Boolean);
  if (!known.length) return null;
  return el("p", { class: "tea-carriers" }, "Layers that carry the meaning: ",
    ...known.map((source) => el("button", { type: "button", class: "pl-tab", onclick: () => set({ source: source.id }) }, source.label)));
};
