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
  // The address names the tab, so that reload, back and a link find it: #runs, #run=… and so on
  const tabButton = (name) => document.getElementById(`${name}-button`);
  const isRuns = () => /^#(runs$|run=|pick=|compare=)/.test(location.hash);
  const showTab = () => {
    const button = tabButton(isRuns() ? "tab-runs" : "tab-inspect");
    if (button && button.getAttribute("aria-selected") !== "true") button.click();
  };
  addEventListener("hashchange", showTab);
  if (isRuns()) {
    const waiting = setInterval(() => { if (tabButton("tab-runs")) { clearInterval(waiting); showTab(); } }, 50);
  }
  document.addEventListener("click", (event) => {
    const tab = event.target.closest('#tabs button[role="tab"]');
    if (!tab || !event.isTrusted) return;
    if (tab === tabButton("tab-runs")) { if (!isRuns()) location.hash = "#runs"; } else if (isRuns()) history.pushState(null, "", location.pathname + location.search);
  });
  root.lang = "en";
}
