// While a picture is painted: a preview, how far it is, how long it takes; and what went wrong.
const clock = (seconds) => {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.max(1, Math.ceil(seconds));
  return whole < 60 ? `about ${whole} s left` : `about ${Math.ceil(whole / 60)} min left`;
};

const newPainting = (cancel) => {
  const picture = el("img", { alt: "Preview of the picture so far", hidden: true });
  const waiting = el("div", { class: "stage-noise", "aria-hidden": "true" });
  const bar = el("progress", { "aria-label": "Progress of the picture" });
  const text = el("span", { class: "stage-step", role: "status" });
  const left = el("span", { class: "stage-left" });
  // On a narrow page the form, with its Cancel, is out of sight.
  const stop = el("button", { type: "button", class: "file stage-cancel", onclick: () => document.getElementById(cancel)?.click() }, "Cancel");
  const node = el("div", { class: "stage-painting" }, el("figure", {}, picture, waiting),
    el("div", { class: "stage-progress" }, el("div", { class: "stage-line" }, text, left), bar, stop));
  return { node, picture, waiting, bar, text, left };
};

// The place itself: `show` draws how far it is into `root`, `end` forgets it.
const newPaintingPlace = (root, cancel) => {
  let painting = null;
  const show = (value) => {
    painting ??= newPainting(cancel);
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
  return { show, end: () => { painting = null; } };
};

const banner = (value) => {
  const bad = value.state === "failed";
  return el("div", { class: `banner ${bad ? "bad" : "calm"}`, role: bad ? "alert" : "status" },
    el("strong", {}, value.problem), value.remedy ? ` ${value.remedy}` : "");
};
