// The place of the picture: welcome → waiting → painting → picture, or what went wrong.
const root = element.querySelector(".stage");
let finished = null;
let painting = null;

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

const clock = (seconds) => {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.max(1, Math.ceil(seconds));
  return whole < 60 ? `about ${whole} s left` : `about ${Math.ceil(whole / 60)} min left`;
};

const newPainting = () => {
  const picture = el("img", { alt: "Preview of the picture so far", hidden: true });
  const waiting = el("div", { class: "stage-noise", "aria-hidden": "true" });
  const bar = el("progress", { "aria-label": "Progress of the picture" });
  const text = el("span", { class: "stage-step", role: "status" });
  const left = el("span", { class: "stage-left" });
  // On a narrow page the form, with its Cancel, is out of sight.
  const stop = el("button", { type: "button", class: "file stage-cancel", onclick: () => document.getElementById("cancel")?.click() }, "Cancel");
  const node = el("div", { class: "stage-painting" }, el("figure", {}, picture, waiting),
    el("div", { class: "stage-progress" }, el("div", { class: "stage-line" }, text, left), bar, stop));
  return { node, picture, waiting, bar, text, left };
};

const paintProgress = (value) => {
  painting ??= newPainting();
  if (value.preview) {
    painting.picture.src = value.preview;
    painting.picture.hidden = false;
    painting.waiting.hidden = true;
  }
  painting.node.style.setProperty("--shape", value.shape || 1);
  painting.bar.max = value.num_steps || 1;
  if (value.step > 0) painting.bar.value = value.step;
  else painting.bar.removeAttribute("value");
  painting.text.textContent = value.message;
  painting.left.textContent = clock(value.seconds_left);
  if (painting.node.isConnected) return;
  root.replaceChildren(painting.node);
  if (root.getBoundingClientRect().top > innerHeight * 0.7) root.scrollIntoView({ behavior: "smooth", block: "start" });
};

const banner = (value) => {
  const bad = value.state === "failed";
  return el("div", { class: `banner ${bad ? "bad" : "calm"}`, role: bad ? "alert" : "status" },
    el("strong", {}, value.problem), value.remedy ? ` ${value.remedy}` : "");
};

const draw = () => {
  const value = props.value || { state: "idle" };
  const busy = value.state === "waiting" || value.state === "running";
  root.dataset.state = value.state;
  document.documentElement.classList.toggle("is-painting", busy);
  if (busy) return paintProgress(value);
  painting = null;
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
