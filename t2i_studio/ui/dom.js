// Builds elements. Text always goes in as text: what a user typed is never read as HTML.
const el = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};
// A call whose answer was lost comes back as undefined: it fails, as its callers expect.
if (typeof server !== "undefined") {
  const known = server;
  server = new Proxy(known, { get: (_, name) => async (...given) => (await known[name](...given)) ?? Promise.reject(new Error("no answer")) });
}
// This part's `tick` whenever the status bar, which asks the server, says that `topic` has changed; and at each of its
// beats while the part itself shows work, whose end must not be missed.
const onPulse = (topic) => {
  const beaten = ({ detail: changed }) => {
    if (!element.isConnected) document.removeEventListener("t2i-pulse", beaten);
    else if (changed.includes(topic) || ["waiting", "running"].includes(props.value?.state)) trigger("tick", {});
  };
  document.addEventListener("t2i-pulse", beaten);
};
const nounColour = (index) => {
  const count = Number(getComputedStyle(document.documentElement).getPropertyValue("--num-nouns")) || 8;
  return `var(--noun-${index % count})`;
};
