// The pictures behind a cell, beside those of the first way on the same prompt and seed.
const ONLY = [["all", "all"], ["present", "present"], ["missing", "missing"], ["won", "won"], ["lost", "lost"]];
const MARK = { yes: "✓", no: "✗", "": "" };

const side = (side, label) => {
  const image = el("img", { src: side.image, alt: `${label}: ${side.text}${side.found ? `; seen: ${side.found}` : ""}` });
  return el("span", { class: "ev-side" }, image, el("span", { class: "ev-mark", "data-mark": side.mark }, MARK[side.mark] ? `${MARK[side.mark]} ` : "", side.text));
};

const pictureCard = (item, use) => {
  const sides = [item.before ? side(item.before, item.base) : null, side(item.after, item.way)];
  return el("li", { class: "ev-card" }, el("button", { type: "button", class: "ev-door", onclick: () => use(item), "aria-label": `${item.prompt}, seed ${item.seed}, ${item.way}: ${item.after.text}. Paint it with its maps` },
    el("span", { class: "ev-sides" }, ...sides), el("span", { class: "ev-prompt", dir: "auto" }, item.prompt), el("small", {}, `seed ${item.seed}`)));
};

// `choose(only)` and `more()` fetch; `use(item)` goes to the maps; `sheet(button)` keeps wins and losses as a picture.
const picturesPane = (chosen, found, acts) => {
  const filters = ONLY.filter(([name]) => name === "all" || found.counts[name] > 0 || name === chosen.only)
    .map(([name, label]) => el("button", { type: "button", class: "ev-only", "aria-pressed": String(name === chosen.only), onclick: () => acts.choose(name) }, label, el("small", {}, ` ${found.counts[name]}`)));
  const pairs = found.items.some((item) => item.before);
  return el("div", { class: "card ev-pictures", "data-way": chosen.way },
    el("div", { class: "ev-head" }, el("h3", {}, `${chosen.way || "As it paints"} · ${chosen.group === "all" ? "all prompts" : chosen.group}`),
      el("span", { class: "ev-acts" },
        acts.sheet ? el("button", { type: "button", class: "plain-link ev-sheet", title: "What it won and lost against the first row, as one picture", onclick: (event) => acts.sheet(event.currentTarget) }, "Contact sheet") : null,
        el("button", { type: "button", class: "plain-link", "aria-label": "Close the pictures", onclick: acts.close }, "Close"))),
    el("p", { class: "hint" }, pairs ? `Left ${found.items[0].base}, right ${chosen.way}; same prompt, same seed. ` : "", "A picture opens where it is painted again with its maps."),
    el("div", { class: "ev-filters", role: "group", "aria-label": "Which pictures" }, ...filters),
    found.items.length ? el("ul", { class: "ev-grid" }, ...found.items.map((item) => pictureCard(item, acts.use))) : el("p", { class: "hint" }, "No picture."),
    found.items.length < found.total ? el("button", { type: "button", class: "file ev-more", onclick: acts.more }, `Show more, ${found.total - found.items.length} left`) : null);
};
