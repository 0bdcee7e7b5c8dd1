// The prompt as toggle buttons, one a word or compound; pressed = its map is recorded.
const root = element.querySelector(".chips");

const chip = (group) => {
  const on = group.colour >= 0;
  const button = el("button", {
    type: "button",
    class: `chip${on ? " chip-on" : ""}${group.dropped ? " chip-dropped" : ""}`,
    "aria-pressed": String(on),
    "data-word": group.word,
    title: on ? "Mapped. Click to leave it out." : "Click to map this word too.",
    onclick: () => trigger("select", { word: group.word }),
  }, group.text);
  if (on) button.style.setProperty("--noun", nounColour(group.colour));
  return button;
};

const draw = () => {
  const value = props.value;
  const focused = root.contains(document.activeElement) ? document.activeElement.dataset.word : null;
  if (!value || !value.groups.length) return root.replaceChildren();
  const words = el("div", { class: "chips-words", role: "group", "aria-label": "Words of the prompt; pressed words are mapped", dir: "auto" });
  for (const group of value.groups) {
    if (group.plain) {
      words.append(el("span", { class: "chip-plain" }, group.text));
      continue;
    }
    const node = chip(group);
    if (group.describes >= 0) {
      node.classList.add("chip-attribute");
      node.style.setProperty("--noun", nounColour(group.describes));
    }
    words.append(node);
  }
  const notes = el("div", { class: "chips-note", role: "status" });
  for (const note of value.notes) notes.append(el("p", { class: note.kind }, note.text));
  if (value.edited) {
    notes.append(el("button", { type: "button", class: "plain-link", onclick: () => trigger("clear", {}) }, "Back to the nouns found"));
  }
  root.replaceChildren(words, notes);
  if (focused !== null) root.querySelector(`[data-word="${focused}"]`)?.focus();
};
watch("value", draw);
draw();
