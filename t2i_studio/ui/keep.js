// What to take away: files made when asked for, and the command that remakes the run.
const root = element.querySelector(".keep");

const take = async (button, kind, status) => {
  button.disabled = true;
  status.textContent = `Making ${kind.label} …`;
  const answer = await server.make_file([props.value.run, kind.name]).catch(() => ({ problem: "The server did not answer.", remedy: "Try again." }));
  button.disabled = false;
  if (answer.problem) {
    status.textContent = `${answer.problem} ${answer.remedy}`;
    return;
  }
  status.textContent = "";
  const link = el("a", { href: answer.url, download: answer.name });
  document.body.append(link);
  link.click();
  link.remove();
};

const copy = async (button, text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https there is no clipboard: select the text for Ctrl+C.
    getSelection().selectAllChildren(root.querySelector("code"));
    button.textContent = "Press Ctrl+C";
    return;
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
};

const draw = () => {
  const value = props.value;
  if (!value) return root.replaceChildren();
  const status = el("p", { class: "keep-status", role: "status" });
  const buttons = value.kinds.map((kind) => {
    const button = el("button", { type: "button", class: "file", title: kind.hint, "data-kind": kind.name, onclick: () => take(button, kind, status) }, kind.label);
    return button;
  });
  const copier = el("button", { type: "button", class: "file copy", onclick: () => copy(copier, value.command) }, "Copy");
  root.replaceChildren(el("section", { class: "card" },
    el("h3", {}, "Take it with you"), el("div", { class: "keep-files" }, ...buttons), status,
    el("h3", {}, "The command that remakes it"), el("div", { class: "keep-command" }, el("code", { tabindex: "0" }, value.command), copier)));
};
watch("value", draw);
draw();
