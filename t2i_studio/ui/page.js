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
  // The address names the tab, so that reload, back and a link find it: #guide, #teacher, #runs, #run=… and so on
  const button = (tab) => document.getElementById(`tab-${tab}-button`);
  const addressed = () => (/^#(guide|teacher|finetune|evaluate)$/.test(location.hash) ? location.hash.slice(1) : /^#(runs$|run=|pick=|compare=)/.test(location.hash) ? "runs" : "inspect");
  const showTab = () => {
    const wanted = button(addressed());
    if (wanted && wanted.getAttribute("aria-selected") !== "true") wanted.click();
  };
  addEventListener("hashchange", showTab);
  if (addressed() !== "inspect") {
    const waiting = setInterval(() => { if (button(addressed())) { clearInterval(waiting); showTab(); } }, 50);
  }
  document.addEventListener("click", (event) => {
    const tab = event.target.closest('#tabs button[role="tab"]')?.id.replace(/^tab-|-button$/g, "");
    if (!tab || !event.isTrusted || tab === addressed()) return;
    if (tab === "inspect") history.pushState(null, "", location.pathname + location.search);
    else location.hash = `#${tab}`;
  });
  root.lang = "en";
}
