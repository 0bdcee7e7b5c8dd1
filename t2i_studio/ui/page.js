() => {
  // Ctrl+Enter presses the main button of the tab in sight, from wherever the cursor is.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const go = [...document.querySelectorAll("button.go")].find((button) => button.offsetParent && !button.disabled);
    if (!go) return;
    event.preventDefault();
    go.click();
  });
  const root = document.documentElement;
  const light = document.getElementById("switch-light");
  const isDark = () => document.body.classList.contains("dark");
  const kept = localStorage.getItem("t2i-studio-theme");
  if (kept && !new URLSearchParams(location.search).has("__theme")) document.body.classList.toggle("dark", kept === "dark");
  const label = () => light?.setAttribute("aria-label", isDark() ? "Light page" : "Dark page");
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#switch-light")) return;
    document.body.classList.toggle("dark");
    localStorage.setItem("t2i-studio-theme", isDark() ? "dark" : "light");
    label();
  });
  label();
  root.lang = "en";
}
