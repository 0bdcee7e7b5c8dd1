// The place of the picture: welcome → waiting → painting → picture, or what went wrong.
const root = element.querySelector(".stage");
let finished = null;
const painting = newPaintingPlace(root, "cancel");

// Two words looking at two places: the idea of the page before there is a picture.
const welcomeCell = (_, index) => {
  const [x, y] = [index % 16, Math.floor(index / 16)];
  const near = (cx, cy) => Math.exp(-((x - cx) ** 2 / 6 + (y - cy) ** 2 / 3.2));
  const [first, second] = [near(4, 2), near(11.2, 2.6)];
  const cell = el("i");
  const strength = Math.round(100 * Math.max(first, second));
  if (strength > 8) cell.style.background = `color-mix(in srgb, ${nounColour(first > second ? 0 : 1)} ${strength}%, var(--wash))`;
  return cell;
};

const welcome = () => el("div", { class: "stage-welcome" },
  el("div", { class: "welcome-cells", "aria-hidden": "true" }, ...Array.from({ length: 96 }, welcomeCell)),
  el("h2", {}, "What did it look at?"),
  el("p", {}, "While a model paints, every spot of the picture looks at the words of your prompt. This page records those looks, word by word and step by step."),
  el("ol", {}, el("li", {}, "Write a prompt, or take an example."), el("li", {}, "Generate: the picture appears out of noise."), el("li", {}, "Pick a word and see where it was painted, and when.")));

const draw = () => {
  const value = props.value || { state: "idle" };
  const busy = value.state === "waiting" || value.state === "running";
  root.dataset.state = value.state;
  document.documentElement.classList.toggle("is-painting", busy);
  if (busy) return painting.show(value);
  painting.end();
  if (value.state === "done") {
    finished?.close();
    finished = createPlayer(value.run);
    root.dataset.run = value.run.id;
    return root.replaceChildren(...(value.problem ? [banner({ ...value, state: "failed" })] : []), finished.node);
  }
  const below = finished?.node || welcome();
  if (value.state === "idle") return root.replaceChildren(below);
  return root.replaceChildren(banner(value), below);
};
watch("value", draw);
draw();
onPulse("tasks");
