// Prompts to start from.
const root = element.querySelector(".examples");
root.append(el("span", { class: "examples-title", id: "examples-title" }, "Try"));
for (const prompt of props.value) {
  root.append(el("button", { type: "button", class: "example", onclick: () => trigger("select", { prompt }) }, prompt));
}
