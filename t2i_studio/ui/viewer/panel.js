// Words to choose from, what they measure at this step, and the controls below.
const OVERLAYS = { heat: "Heat", outline: "Outline", mask: "Mask" };

// The prompt, its mapped words as buttons, and a row of numbers a noun.
const newWords = (maps, act) => {
  const { data } = maps;
  const chips = [];
  const prompt = el("p", { class: "pl-prompt", dir: "auto" });
  for (const word of data.words) {
    const mapped = word.noun >= 0;
    const node = mapped ? nounChip(word.text, word.noun, act) : el("span", {}, word.text);
    if (mapped) chips.push({ node, noun: word.noun });
    prompt.append(node, " ");
  }
  // A noun that is no word of its own in the prompt still has its button.
  data.nouns.forEach((noun, index) => {
    if (chips.some((chip) => chip.noun === index)) return;
    chips.push({ node: nounChip(noun.id, index, act), noun: index });
    prompt.append(chips.at(-1).node, " ");
  });
  const rows = data.nouns.map((noun, index) => {
    const numbers = el("span", { class: "pl-numbers" });
    const spark = el("span", { class: "pl-spark-box" });
    const node = el("div", { class: "pl-noun" }, el("span", { class: "pl-dot" }), el("span", { class: "pl-name" }, noun.id), spark, numbers);
    node.style.setProperty("--noun", nounColour(noun.colour));
    follow(node, index, act);
    return { node, numbers, spark };
  });
  const bare = el("button", { type: "button", class: "pl-tab pl-bare", onclick: () => act.choose([]) }, "Picture alone");
  const node = el("div", { class: "pl-words" }, prompt, el("div", { class: "pl-nouns" }, ...rows.map((row) => row.node)), bare);

  const draw = (view) => {
    const source = maps.source(view.source);
    rows.forEach(({ spark }, noun) => spark.replaceChildren(sparkline(maps, noun, source)));
  };
  const move = (view, shown) => {
    const source = maps.source(view.source);
    chips.forEach(({ node: chip, noun }) => chip.setAttribute("aria-pressed", String(shown.includes(noun))));
    bare.setAttribute("aria-pressed", String(!shown.length));
    rows.forEach(({ node: row, numbers }, noun) => {
      row.classList.toggle("on", shown.includes(noun));
      numbers.textContent = `peak ${shortNumber(maps.number("peak", noun, source, view.at))}  H ${shortNumber(maps.number("entropy", noun, source, view.at))}`;
    });
  };
  return { node, draw, move };
};

const nounChip = (text, noun, act) => {
  const chip = el("button", { type: "button", class: "pl-chip", "data-noun": noun, title: "Click shows its map; with Shift it is added" }, text);
  chip.style.setProperty("--noun", nounColour(noun));
  follow(chip, noun, act);
  return chip;
};

// Click chooses, with Shift adds; a mouse over it shows it for as long as it stays.
const follow = (node, noun, act) => {
  node.addEventListener("click", (event) => {
    act.glance(null);
    if (event.shiftKey) act.add(noun);
    else act.choose([noun]);
  });
  node.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") act.glance(noun); });
  node.addEventListener("pointerleave", () => act.glance(null));
};

const newTransport = (maps, act) => {
  const play = el("button", { type: "button", class: "pl-play", onclick: act.play });
  const time = el("input", { type: "range", class: "pl-time", min: 0, max: maps.last, step: 1, "aria-label": "Timestep, noise to picture" });
  time.addEventListener("input", () => act.go(Number(time.value)));
  const when = el("output", { class: "pl-when" });
  const mean = el("button", { type: "button", class: "pl-tab pl-mean", onclick: () => act.go(MEAN) }, "All steps");
  const full = el("button", { type: "button", class: "pl-tab pl-full", title: "Key F", onclick: act.fill }, "Full screen");
  const node = el("div", { class: "pl-row pl-transport" }, play, time, when, mean, full);
  const move = (view) => {
    if (view.at !== MEAN) time.value = view.at;
    time.classList.toggle("idle", view.at === MEAN);
    when.textContent = maps.stepText(view.at);
    time.setAttribute("aria-valuetext", when.textContent);
    mean.setAttribute("aria-pressed", String(view.at === MEAN));
    play.textContent = view.playing ? "❚❚" : "▶";
    play.setAttribute("aria-label", view.playing ? "Pause" : "Play the timesteps");
  };
  return { node, move };
};

const menu = (label, className, onchange) => {
  const select = el("select", { class: className, onchange: () => onchange(select.value) });
  return { select, node: el("label", { class: "pl-field" }, el("span", {}, label), select) };
};

const newControls = (maps, act) => {
  const layers = menu("Layers", "pl-layers", (id) => act.set({ source: id }));
  layers.select.append(...layerOptions(maps));
  const heads = menu("Heads", "pl-heads", (id) => act.set({ source: id }));
  const kinds = Object.entries(OVERLAYS).map(([name, label]) => el("button", { type: "button", class: "pl-tab", "data-overlay": name, onclick: () => act.set({ overlay: name }) }, label));
  const opacity = el("input", { type: "range", class: "pl-opacity", min: 0.1, max: 1, step: 0.05, oninput: () => act.set({ opacity: Number(opacity.value) }) });
  const raw = check("Raw cells", "pl-raw", (on) => act.set({ raw: on }));
  const own = check("Scale each step", "pl-own", (on) => act.set({ ownScale: on }));
  const node = el("div", { class: "pl-row pl-controls" }, layers.node, heads.node,
    el("div", { class: "pl-tabs", role: "group", "aria-label": "How maps are drawn" }, ...kinds),
    el("label", { class: "pl-field" }, el("span", {}, "Opacity"), opacity), raw.node, own.node);

  const draw = (view) => {
    const source = maps.source(view.source);
    const layer = source.parent || source.id;
    const found = maps.heads(layer);
    layers.select.value = layer;
    heads.select.replaceChildren(el("option", { value: layer }, found.length ? "mean of all" : "mean"), ...found.map((head) => el("option", { value: head.id }, head.label)));
    heads.select.value = source.id;
    heads.select.disabled = !found.length;
    heads.node.title = found.length ? "" : "Choose a single layer of a run recorded with heads";
    kinds.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.overlay === view.overlay)));
    opacity.value = view.opacity;
    raw.box.checked = view.raw;
    own.box.checked = view.ownScale;
  };
  return { node, draw };
};

const layerOptions = (maps) => {
  const option = (source) => el("option", { value: source.id }, source.rows === source.grid[0] ? source.label : `${source.label} (shown at ${source.rows}×${source.columns})`);
  const [together, single] = [maps.layers.filter((s) => s.kind !== "layer"), maps.layers.filter((s) => s.kind === "layer")];
  if (!single.length) return together.map(option);
  return [el("optgroup", { label: "Together" }, ...together.map(option)), el("optgroup", { label: "One layer" }, ...single.map(option))];
};

const check = (label, className, onchange) => {
  const box = el("input", { type: "checkbox", class: className, onchange: () => onchange(box.checked) });
  return { box, node: el("label", { class: "pl-check" }, box, label) };
};

// The colours' meaning: the scale of one noun, or a swatch a noun.
const newLegend = (maps) => {
  const bar = el("canvas", { class: "pl-scale", width: 256, height: 1, "aria-hidden": "true" });
  const colours = new ImageData(256, 1);
  for (let i = 0; i < 256; i++) colours.data.set([maps.palette[i * 3], maps.palette[i * 3 + 1], maps.palette[i * 3 + 2], 255], i * 4);
  bar.getContext("2d").putImageData(colours, 0, 0);
  const node = el("div", { class: "pl-legend" });
  const move = (view, shown, tops) => {
    const named = shown.map((noun, i) => {
      const swatch = el("span", { class: "pl-swatch" }, maps.nouns[noun].id, view.overlay === "outline" ? ` ≥ ${shortNumber(tops[i] * HALF)}` : ` 0 … ${shortNumber(tops[i])}`);
      swatch.style.setProperty("--noun", nounColour(maps.nouns[noun].colour));
      return swatch;
    });
    if (!shown.length) node.replaceChildren(el("span", {}, "the picture alone"));
    else if (view.overlay === "heat" && shown.length === 1) node.replaceChildren("attention 0", bar, el("span", { class: "pl-most" }, shortNumber(tops[0])));
    else node.replaceChildren(view.overlay === "outline" ? "outlined from half of its scale:" : view.overlay === "mask" ? "seen where attended:" : "attention:", ...named);
  };
  return { node, move };
};
