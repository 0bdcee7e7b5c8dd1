// One slim line under all tabs: device, free memory, what runs, what waits. It also beats for the whole page: it asks
// the server what has changed, and tells the parts that show it (`onPulse`).
const root = element.querySelector(".statusbar");
const draw = ({ device, memory, text, done, total, waiting = [] }) => {
  const job = el("span", { class: "status-job" }, text || "idle");
  if (total) job.append(el("progress", { max: total, value: done, "aria-label": "Running task" }));
  root.replaceChildren(el("span", { class: `status-dot${total ? " busy" : ""}`, "aria-hidden": "true" }), el("span", { class: "status-device" }, device || ""),
    el("span", { class: "status-memory" }, memory || ""), job,
    ...(waiting.length ? [el("span", { class: "status-waiting", title: waiting.join("\n") }, `${waiting.length} waiting: ${waiting[0]}${waiting.length > 1 ? " …" : ""}`)] : []));
};
draw(props.value || {});

const BEATS_TOLD = 3; // a look may overtake the answer that it was to follow
const PATIENCE = 40_000; // ms for an answer; a lost one must not silence the page
const topics = {};
let asking = false;
const tooLate = () => new Promise((_, fail) => { setTimeout(fail, PATIENCE); });
const beat = async () => {
  if (asking) return;
  asking = true;
  const seen = await Promise.race([server.pulse(), tooLate()]).catch(() => null);
  asking = false;
  if (!seen) {
    draw({ ...(props.value || {}), memory: "", text: "the server does not answer" });
    for (const topic of Object.values(topics)) topic.stamp = null;
    return;
  }
  if (seen.page !== props.page) return location.reload();
  draw(seen.status);
  const changed = Object.keys(seen.stamps).filter((name) => {
    const topic = topics[name] ??= {};
    topic.beats = topic.stamp === seen.stamps[name] ? topic.beats + 1 : 0;
    topic.stamp = seen.stamps[name];
    return topic.beats < BEATS_TOLD;
  });
  document.dispatchEvent(new CustomEvent("t2i-pulse", { detail: changed }));
};
const beating = setInterval(() => (element.isConnected ? beat() : clearInterval(beating)), 1000 * props.beat);
