// One slim line under all tabs: device, free memory, what runs, what waits.
const root = element.querySelector(".statusbar");
const draw = () => {
  const { device, memory, text, done, total, waiting = [] } = props.value || {};
  const job = el("span", { class: "status-job" }, text || "idle");
  if (total) job.append(el("progress", { max: total, value: done, "aria-label": "Running task" }));
  root.replaceChildren(el("span", { class: `status-dot${total ? " busy" : ""}`, "aria-hidden": "true" }), el("span", { class: "status-device" }, device || ""),
    el("span", { class: "status-memory" }, memory || ""), job,
    ...(waiting.length ? [el("span", { class: "status-waiting", title: waiting.join("\n") }, `${waiting.length} waiting: ${waiting[0]}${waiting.length > 1 ? " …" : ""}`)] : []));
};
watch("value", draw);
draw();
