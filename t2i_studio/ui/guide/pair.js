// One seed, without and with guidance: how far it is, then two players in step, or a grid of methods.
const root = element.querySelector(".pair");
const busyCard = el("div", { class: "pair-stage" });
const painting = newPaintingPlace(busyCard, "guide-cancel");
let players = [];

const closeAll = () => { players.forEach((player) => player.close()); players = []; };

const idle = () => el("div", { class: "pair-stage" }, el("div", { class: "stage-welcome" }, el("h2", {}, "Same seed, steered"),
  el("p", {}, "Models leave subjects out or mix them up. Their attention maps show it early: two words look at one place, or one at none. Guidance moves the unfinished picture, step by step, so that the looks gather and part."),
  el("ol", {}, el("li", {}, "Write a prompt with two or more subjects."), el("li", {}, "Paint both: once as the model would, once guided."), el("li", {}, "Compare the two pictures and their maps, word by word and step by step."))));

const heading = (picture) => el("h3", { class: "pair-label" }, picture.label, el("span", { class: "hint" }, ` ${picture.seconds.toFixed(1)} s of painting`),
  el("button", { type: "button", class: "plain-link send-teacher", title: "Its maps at little and at much noise", onclick: () => sendTo("teacher", picture.id) }, "Teacher–Student"));

const two = (value) => {
  players = value.pictures.map((picture) => createPlayer(picture.run));
  lockPlayers(...players);
  return el("div", { class: "run-pair" }, ...players.map((player, i) => el("div", { class: "card" }, heading(value.pictures[i]), player.node)));
};

const many = (value) => el("div", { class: "card" }, el("h3", {}, "The same seed by every method"),
  el("p", { class: "hint" }, "Each with the dials that it begins with on this model. A picture opens beside the unguided one."),
  el("div", { class: "pair-grid" }, ...value.pictures.map((picture, i) => {
    const image = el("img", { src: picture.run.image, alt: `${picture.label}: ${picture.run.alt}` });
    const text = el("span", {}, picture.label, el("small", {}, ` ${picture.seconds.toFixed(1)} s`));
    return el("a", { class: "pair-cell", href: i ? `#compare=${value.pictures[0].id},${picture.id}` : `#run=${picture.id}` }, image, text);
  })));

const draw = () => {
  const value = props.value || { state: "idle" };
  root.dataset.state = value.state;
  if (value.state === "running") {
    closeAll();
    if (busyCard.parentNode !== root) root.replaceChildren(busyCard);
    painting.show(value);
    root.querySelector(".losses")?.remove();
    if (value.losses?.length) root.append(lossCharts(value.losses));
    return;
  }
  painting.end();
  closeAll();
  const parts = [];
  if (value.problem) parts.push(banner(value.state === "done" ? { ...value, state: "failed" } : value));
  if (value.state === "done") {
    parts.push(value.pictures.length === 2 ? two(value) : many(value));
    if (value.pictures.length === 2) parts.push(el("p", { class: "pair-keep" }, el("a", { class: "plain-link", href: value.address }, "Open both in Runs: settings, files, the commands that remake them")));
  } else parts.push(idle());
  if (value.losses?.length) parts.push(lossCharts(value.losses));
  root.replaceChildren(...parts);
};
watch("value", draw);
draw();
onPulse("tasks");
