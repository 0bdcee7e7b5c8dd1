// Puts a message beside the control that caused it, opens its group and goes there.
const clear = () => {
  document.querySelectorAll(".problem").forEach((node) => node.remove());
  document.querySelectorAll("[aria-invalid]").forEach((node) => {
    node.removeAttribute("aria-invalid");
    node.removeAttribute("aria-describedby");
  });
};

const show = ({ name, home: place, problem, remedy }) => {
  const home = document.getElementById(place || `setting-${name}`);
  if (!home) return;
  for (let up = home.parentElement; up; up = up.parentElement) {
    const opener = up.querySelector(":scope > button.label-wrap:not(.open)");
    if (opener) opener.click();
  }
  const message = el("p", { class: "problem", role: "alert", id: "problem-text" }, el("strong", {}, problem), remedy ? ` ${remedy}` : "");
  home.append(message);
  const input = home.querySelector("input, textarea");
  if (input) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", "problem-text");
    input.addEventListener("input", clear, { once: true });
    // Focus would open a list and cover what stands above it.
    if (input.getAttribute("role") !== "combobox") input.focus({ preventScroll: true });
  }
  requestAnimationFrame(() => home.scrollIntoView({ block: "nearest", behavior: "smooth" }));
};

watch("value", () => {
  clear();
  if (props.value && props.value.problem) show(props.value);
});
