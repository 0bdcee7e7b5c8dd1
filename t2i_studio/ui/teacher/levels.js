// The two sliders: teacher with little noise on the left, student with much on the right.
const newLevels = (probe, set) => {
  const slider = (name, label) => {
    const input = el("input", { type: "range", class: `tea-slider tea-slide-${name}`, min: 0, max: probe.last, step: 1, "aria-label": label });
    const text = el("output", { class: "tea-time" });
    input.addEventListener("input", () => set({ [name]: Number(input.value) }));
    return { input, text, node: el("label", { class: "tea-level" }, el("span", { class: "tea-level-name" }, label, text), input) };
  };
  const both = { tea: slider("tea", "Teacher"), stu: slider("stu", "Student") };
  const node = el("div", { class: "tea-levels" }, both.tea.node, both.stu.node);
  const draw = (view) => {
    for (const [name, { input, text }] of Object.entries(both)) {
      input.value = view[name];
      text.textContent = probe.time(view[name]);
      input.setAttribute("aria-valuetext", text.textContent);
    }
  };
  return { node, draw };
};

// The teacher always sees less noise: one that is moved past the other takes it along.
const apart = (view, changes, last) => {
  const next = { ...view, ...changes };
  if ("tea" in changes) {
    next.tea = Math.min(Math.max(changes.tea, 0), last - 1);
    next.stu = Math.max(next.stu, next.tea + 1);
  }
  if ("stu" in changes) {
    next.stu = Math.min(Math.max(changes.stu, 1), last);
    next.tea = Math.min(next.tea, next.stu - 1);
  }
  return next;
};
