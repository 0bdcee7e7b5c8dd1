// One slim line under all tabs: device, what runs, what waits.
const root = element.querySelector(".statusbar");
const draw = () => {
  const { device, text, done, total, waiting } = props.value || {};
  const job = el("span", { class: "status-job" }, text || "idle");
  if (total) job.append(el("progress", { max: total, value: done, "aria-label": "Running task" }));
  root.replaceChildren(el("span", { class: `status-dot${total ? " busy" : ""}`, "aria-hidden": "true" }), el("span", {}, device || ""), job,
    ...(waiting ? [el("span", {}, `${waiting} waiting`)] : []));
};
watch("value", draw);
draw();
