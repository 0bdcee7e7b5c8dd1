// A file of its own: the player on a bare page, light or dark as the reader's system is.
const data = JSON.parse(document.getElementById("run").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const light = document.getElementById("switch-light");
const wear = (isDark) => {
  document.body.classList.toggle("dark", isDark);
  light.setAttribute("aria-label", isDark ? "Light page" : "Dark page");
};
light.addEventListener("click", () => wear(!document.body.classList.contains("dark")));
dark.addEventListener("change", () => wear(dark.matches));
wear(dark.matches);
document.getElementById("place").append(createPlayer(data).node);
