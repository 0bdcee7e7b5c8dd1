// Figures in the colours of the page: one file for light, one for dark.
const root = element.querySelector(".figures");
const draw = () => {
  const value = props.value;
  if (!value) return root.replaceChildren();
  if (value.pending) return root.replaceChildren(el("p", { class: "figures-wait", role: "status" }, "Drawing the figures…"));
  root.replaceChildren(...value.figures.map((figure) => el("section", { class: `card figure figure-${figure.name}` },
    el("h3", {}, figure.title), el("p", { class: "hint" }, figure.hint),
    el("div", { class: "figure-scroll", tabindex: "0", role: "group", "aria-label": figure.title },
      el("img", { class: "only-light", src: figure.light, alt: figure.alt }),
      el("img", { class: "only-dark", src: figure.dark, alt: figure.alt })))));
};
watch("value", draw);
draw();
