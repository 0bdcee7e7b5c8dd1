// The tab's way by address: #runs · #run=ID · #pick=ID (a second one) · #compare=A,B. Back and reload work as everywhere.
const root = element.querySelector(".runs");
const toast = el("div", { class: "gallery-toast", role: "status", hidden: true });
const place = el("div", {});
root.append(toast, place);

const say = (text, label, act) => {
  toast.hidden = !text;
  toast.replaceChildren(text || "", ...(label ? [el("button", { type: "button", class: "file", onclick: act }, label)] : []),
    el("button", { type: "button", class: "plain-link", "aria-label": "Close this message", onclick: () => say("") }, "×"));
};
const nav = (hash) => { location.hash = hash; };
const gallery = newGallery(nav, say);

let open = null; // what is shown in the gallery's place

const show = (view) => {
  open?.close();
  open = view;
  place.replaceChildren(view.node);
};

const fetched = async (id) => {
  const hash = location.hash;
  const run = await server.open_run(id).catch(() => ({ problem: "The server did not answer. Try again." }));
  if (!run.problem) return run;
  if (location.hash !== hash) return null;
  say(run.problem);
  nav("#runs");
  return null;
};

const showRun = async (id) => {
  const run = await fetched(id);
  if (!run || location.hash !== `#run=${id}`) return null;
  const item = { id, prompt: run.prompt };
  return show(openedRun(run, {
    use: () => {
      history.pushState(null, "", location.pathname + location.search);
      trigger("select", { run: id });
    },
    compare: () => nav(`#pick=${id}`),
    remove: async () => { if (await deleteWithUndo(item, say, () => nav(`#run=${id}`))) nav("#runs"); },
  }));
};

const showTwo = async (ids) => {
  const hash = location.hash;
  const runs = await Promise.all(ids.map(fetched));
  if (runs.length !== 2 || runs.includes(null) || location.hash !== hash) return;
  say("");
  show(comparedRuns(runs));
};

const route = () => {
  if (!root.isConnected) return window.removeEventListener("hashchange", route);
  const [name, value] = location.hash.slice(1).split("=");
  if (name === "run" && value) return showRun(value);
  if (name === "compare" && value?.split(",").length === 2) return showTwo(value.split(","));
  gallery.pick(name === "pick" ? value : "");
  if (gallery.node.parentNode !== place) show({ node: gallery.node, close: () => {} });
  // Without an address another tab is in sight: nothing is fetched for a gallery that nobody sees.
  return name ? gallery.load(true) : null;
};
window.addEventListener("hashchange", route);
route();
