// What to take away of a run: files made when asked for, and the command that remakes it.
const take = async (button, run, kind, status) => {
  button.disabled = true;
  status.textContent = `Making ${kind.label} …`;
  const answer = await server.make_file([run, kind.name]).catch(() => ({ problem: "The server did not answer.", remedy: "Try again." }));
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

const copy = async (button, code) => {
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    // Without https there is no clipboard: select the text for Ctrl+C.
    getSelection().selectAllChildren(code);
    button.textContent = "Press Ctrl+C";
    return;
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
};

// A page that was just opened still puts into its controls what was asked before.
const attached = async () => {
  const { dataset } = document.documentElement;
  while (!dataset.opened || !dataset.taught) await new Promise((later) => setTimeout(later, 50));
};
// Opens another tab with a run's picture; the page's Python fills its controls.
const sendTo = async (tab, run) => {
  history.pushState(null, "", `#${tab}`);
  document.getElementById(`tab-${tab}-button`)?.click();
  await attached();
  trigger("select", { run, to: tab });
};
const sendButton = (run) => el("button", { type: "button", class: "file send-teacher", title: "Its maps at little and at much noise", onclick: () => sendTo("teacher", run) }, "Teacher–Student");

// `send`: whether the run's picture may go to another tab from here.
const keepCard = (value, send = true) => {
  const status = el("p", { class: "keep-status", role: "status" });
  const buttons = value.kinds.map((kind) => {
    const button = el("button", { type: "button", class: "file", title: kind.hint, "data-kind": kind.name, onclick: () => take(button, value.run, kind, status) }, kind.label);
    return button;
  });
  const code = el("code", { tabindex: "0" }, value.command);
  const copier = el("button", { type: "button", class: "file copy", onclick: () => copy(copier, code) }, "Copy");
  return el("section", { class: "card keep-card" },
    el("h3", {}, "Take it with you"), el("div", { class: "keep-files" }, ...buttons), status,
    ...(send ? [el("h3", {}, "Send the picture to"), el("div", { class: "keep-files" }, sendButton(value.run)), el("p", { class: "keep-status" })] : []),
    el("h3", {}, "The command that remakes it"), el("div", { class: "keep-command" }, code, copier));
};
