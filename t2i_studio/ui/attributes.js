// What describes each noun: a word is taken away by its button, given, or moved, by the noun's list.
const root = element.querySelector(".attributes");
let open = false;

const give = (noun, key, on) => trigger("select", { noun, key, on });

const row = (noun, free) => {
  const name = el("span", { class: "attributes-noun" }, noun.id);
  name.style.setProperty("--noun", nounColour(noun.colour));
  const line = el("li", {}, name);
  for (const word of noun.words) {
    line.append(el("button", {
      type: "button", class: "attributes-word", "aria-label": `${word.text} does not describe ${noun.id}`,
      title: `Click to take it from ${noun.id}.`, onclick: () => give(noun.id, word.key, false),
    }, word.text, el("span", { "aria-hidden": "true" }, " ×")));
  }
  const own = new Set(noun.words.map((word) => word.key));
  const left = free.filter((word) => !own.has(word.key));
  if (left.length) {
    const pick = el("select", { "aria-label": `Give ${noun.id} a word`, onchange: (event) => give(noun.id, event.target.value, true) },
      el("option", { value: "" }, "+ word"));
    for (const word of left) pick.append(el("option", { value: word.key }, word.key));
    line.append(pick);
  }
  return line;
};

const draw = () => {
  const value = props.value;
  if (!value || !value.nouns.length || !(value.free.length || value.edited)) return root.replaceChildren();
  const told = value.nouns.filter((noun) => noun.words.length)
    .map((noun) => `${noun.words.map((word) => word.text).join(" ")} → ${noun.id}`).join(", ");
  const list = el("ul", {}, ...value.nouns.map((noun) => row(noun, value.free)));
  const fold = el("details", { open, ontoggle: (event) => { open = event.target.open; } },
    el("summary", {}, `Attributes: ${told || "none"}`), list);
  if (value.edited) {
    fold.append(el("button", { type: "button", class: "plain-link", onclick: () => trigger("clear", {}) }, "Back to those found"));
  }
  const focused = root.contains(document.activeElement);
  root.replaceChildren(fold);
  if (focused) fold.querySelector("summary").focus();
};
watch("value", draw);
draw();
