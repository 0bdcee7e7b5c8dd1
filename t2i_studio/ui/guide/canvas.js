// Boxes drawn by hand: choose a noun, drag on the square. What is drawn goes into the text below.
const root = element.querySelector(".canvas");
let chosen = 0;
let from = null;
const area = el("div", { class: "canvas-area", role: "img", "aria-label": "Draw boxes here, or type them below" });
const names = el("div", { class: "canvas-names", role: "group", "aria-label": "Noun that the next box is for" });
let own = null; // boxes told to the server, until it answers: the next one is added to them
const state = () => ({ nouns: [], boxes: [], ...props.value, ...(own && { boxes: own }) });

const place = (event) => {
  const box = area.getBoundingClientRect();
  const inside = (value) => Math.min(1, Math.max(0, value));
  return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
};
const spanned = ([x0, y0], [x1, y1]) => ({ left: Math.min(x0, x1), top: Math.min(y0, y1), right: Math.max(x0, x1), bottom: Math.max(y0, y1) });

const drawnBox = (box, colour) => {
  const node = el("span", { class: "canvas-box" }, el("i", {}, box.noun));
  node.style.cssText = `left:${box.left * 100}%;top:${box.top * 100}%;width:${(box.right - box.left) * 100}%;height:${(box.bottom - box.top) * 100}%`;
  node.style.setProperty("--noun", nounColour(Math.max(0, colour)));
  return node;
};
const tell = (boxes) => { own = boxes; draw(); trigger("select", { boxes }); };

area.addEventListener("pointerdown", (event) => {
  if (!state().nouns.length) return;
  event.preventDefault();
  area.setPointerCapture(event.pointerId);
  from = place(event);
});
area.addEventListener("pointermove", (event) => {
  if (!from) return;
  area.querySelector(".growing")?.remove();
  const node = drawnBox({ noun: state().nouns[chosen], ...spanned(from, place(event)) }, chosen);
  node.classList.add("growing");
  area.append(node);
});
area.addEventListener("pointerup", (event) => {
  if (!from) return;
  const box = spanned(from, place(event));
  from = null;
  area.querySelector(".growing")?.remove();
  if (box.right - box.left < 0.04 || box.bottom - box.top < 0.04) return;
  const noun = state().nouns[chosen];
  const boxes = [...state().boxes.filter((other) => other.noun !== noun), { noun, ...box }];
  chosen = (chosen + 1) % state().nouns.length;
  tell(boxes);
});
area.addEventListener("pointercancel", () => { from = null; area.querySelector(".growing")?.remove(); });

const draw = () => {
  const { nouns, boxes } = state();
  chosen = Math.min(chosen, Math.max(0, nouns.length - 1));
  const buttons = nouns.map((noun, i) => {
    const button = el("button", { type: "button", class: "chip chip-on", "aria-pressed": String(i === chosen), onclick: () => { chosen = i; draw(); } }, noun);
    button.style.setProperty("--noun", nounColour(i));
    return button;
  });
  const clear = boxes.length ? el("button", { type: "button", class: "plain-link", onclick: () => tell([]) }, "Clear") : null;
  names.replaceChildren(...buttons, ...(clear ? [clear] : []));
  area.replaceChildren(...boxes.map((box) => drawnBox(box, nouns.indexOf(box.noun))));
  root.replaceChildren(names, area);
};
watch("value", () => { own = null; draw(); });
draw();
