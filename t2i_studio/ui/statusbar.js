// One slim line under all tabs: device, free memory, what runs, what waits. It also beats for the whole page: it asks
// the server what has changed, and tells the parts that show it (`onChange`).
const root = element.querySelector(".statusbar");
const draw = ({ device, memory, text, done, total, waiting = [] }) => {
  const job = el("span", { class: "status-job" }, text || "idle");
  if (total) job.append(el("progress", { max: total, value: done, "aria-label": "Running task" }));
  root.replaceChildren(el("span", { class: `status-dot${total ? " busy" : ""}`, "aria-hidden": "true" }), el("span", { class: "status-device" }, device || ""),
    el("span", { class: "status-memory" }, memory || ""), job,
    ...(waiting.length ? [el("span", { class: "status-waiting", title: waiting.join("\n") }, `${waiting.length} waiting: ${waiting[0]}${waiting.length > 1 ? " …" : ""}`)] : []));
};
draw(props.value || {});

// Told three times, for a look may overtake the answer that it was to follow; and now and then in any case.
const [TIMES, AT_REST] = [3, 30];
const topics = {};
let asking = false;
const beat = async () => {
  if (asking || document.hidden) return;
  asking = true;
  const seen = await server.pulse().catch(() => null);
  asking = false;
  if (!seen) return Object.values(topics).forEach((topic) => { topic.stamp = ""; });
  draw(seen.status);
  for (const [name, told] of Object.entries(seen.stamps)) {
    const topic = topics[name] ??= { stamp: "", beats: 0 };
    const stamp = JSON.stringify(told);
    topic.beats = topic.stamp === stamp ? topic.beats + 1 : 0;
    topic.stamp = stamp;
    if (topic.beats < TIMES || topic.beats % AT_REST === 0) document.dispatchEvent(new CustomEvent("t2i-change", { detail: name }));
  }
};
const beating = setInterval(() => (element.isConnected ? beat() : clearInterval(beating)), 1000 * props.beat);
document.addEventListener("visibilitychange", beat);
