// The runs as cards: found by words, model, method and date; opened, compared, deleted with undo.
const PAGE = 24;

const newGallery = (nav, say) => {
  const found = { items: [], total: 0, chosen: [], first: "" };
  const grid = el("div", { class: "gallery-grid" });
  const count = el("p", { class: "gallery-count", role: "status" });
  const more = el("button", { type: "button", class: "file gallery-more", hidden: true, onclick: () => load(false) }, "Show more");
  const basket = el("div", { class: "gallery-basket", hidden: true });
  const search = newSearch(() => load(true));
  let asked = 0;

  // Fresh: from the first run. Else: what follows the ones shown, however many were deleted meanwhile.
  const load = async (fresh) => {
    const mine = ++asked;
    more.disabled = true;
    const page = await server.find({ ...search.values(), offset: fresh ? 0 : found.items.length, limit: PAGE }).catch(() => null);
    if (mine !== asked) return;
    more.disabled = false;
    if (!page || page.problem) return say(page?.problem || "The server did not answer. Try again.");
    const known = new Set(fresh ? [] : found.items.map((item) => item.id));
    found.items = [...(fresh ? [] : found.items), ...page.items.filter((item) => !known.has(item.id))];
    found.total = page.total;
    search.offer(page.models, page.methods);
    draw();
  };

  const draw = () => {
    // Cards that stay are not touched: one that is taken out and put back would lose a click under way.
    const wanted = new Set(found.items.map((item) => item.id));
    for (const old of [...grid.children]) if (!wanted.has(old.dataset.run)) old.remove();
    found.items.forEach((item, i) => {
      const there = grid.children[i];
      if (there?.dataset.run !== item.id) grid.insertBefore(card(item), there || null);
    });
    while (grid.children.length > found.items.length) grid.lastChild.remove();
    const text = found.total === 1 ? "1 run" : `${found.total.toLocaleString("en")} runs`;
    count.textContent = found.total ? text : search.active() ? "No run fits. Take a filter away." : "Nothing was made yet. What you generate appears here.";
    more.hidden = found.items.length >= found.total;
    drawBasket();
  };

  const card = (item) => {
    const box = el("input", { type: "checkbox", "aria-label": `Choose for comparison: ${item.prompt}`, onchange: () => choose(item, box.checked) });
    box.checked = found.chosen.includes(item.id);
    const open = el("a", { class: "run-open", href: target(item.id), "aria-label": `Open: ${item.prompt}, ${item.facts}` },
      el("img", { src: item.thumbnail, alt: "", loading: "lazy" }), el("span", { class: "run-prompt", dir: "auto" }, item.prompt));
    return el("article", { class: "run-card", "data-run": item.id }, open,
      el("p", { class: "run-facts" }, item.facts), el("p", { class: "run-facts" }, when(item.created)),
      el("div", { class: "run-tools" }, el("label", {}, box, "compare"),
        el("button", { type: "button", class: "plain-link run-delete", "aria-label": `Delete: ${item.prompt}`, onclick: () => remove(item) }, "Delete")));
  };

  // While a second run is wanted, a card leads to the comparison.
  const target = (id) => (found.first && found.first !== id ? `#compare=${found.first},${id}` : `#run=${id}`);
  const pick = (first) => {
    found.first = first;
    for (const other of grid.children) other.querySelector("a").href = target(other.dataset.run);
    drawBasket();
  };

  const choose = (item, on) => {
    found.chosen = on ? [...found.chosen, item.id].slice(-2) : found.chosen.filter((id) => id !== item.id);
    for (const other of grid.querySelectorAll(".run-card")) other.querySelector("input").checked = found.chosen.includes(other.dataset.run);
    drawBasket();
  };

  const drawBasket = () => {
    basket.hidden = !found.chosen.length && !found.first;
    if (found.first) return basket.replaceChildren(el("span", {}, "Open the run to compare with."), el("button", { type: "button", class: "plain-link", onclick: () => nav(`#run=${found.first}`) }, "Cancel"));
    const go = el("button", { type: "button", class: "file gallery-compare", disabled: found.chosen.length < 2, onclick: () => nav(`#compare=${found.chosen.join(",")}`) }, "Compare");
    const clear = el("button", { type: "button", class: "plain-link", onclick: () => { found.chosen = []; draw(); for (const box of grid.querySelectorAll("input")) box.checked = false; } }, "Clear");
    return basket.replaceChildren(el("span", {}, found.chosen.length < 2 ? "Choose one more run to compare." : "Two runs chosen."), go, clear);
  };

  const remove = async (item) => {
    if (!await deleteWithUndo(item, say, () => load(true))) return;
    found.items = found.items.filter((other) => other.id !== item.id);
    found.chosen = found.chosen.filter((id) => id !== item.id);
    if (more.disabled) return load(true); // what is under way may still have it
    found.total -= 1;
    draw();
  };

  // The next page is fetched before its place comes into sight.
  new IntersectionObserver(([entry]) => { if (entry.isIntersecting && !more.hidden && !more.disabled) load(false); }, { rootMargin: "400px" }).observe(more);
  const node = el("div", { class: "gallery" }, search.node, count, basket, grid, more);
  return { node, load, pick };
};

const when = (created) => {
  const time = new Date(created);
  return Number.isNaN(time.getTime()) ? "" : time.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
};

// Deletes, and says so beside a way back. True where it is gone.
const deleteWithUndo = async (item, say, restored) => {
  const answer = await server.delete_run(item.id).catch(() => ({ problem: "The server did not answer. Try again." }));
  if (answer.problem) {
    say(answer.problem);
    return false;
  }
  const undo = async () => {
    const back = await server.restore_run(item.id).catch(() => ({ problem: "The server did not answer. Try again." }));
    if (back.problem) return say(back.problem);
    say("");
    return restored();
  };
  say(`Deleted: ${item.prompt}`, "Undo", undo);
  return true;
};
