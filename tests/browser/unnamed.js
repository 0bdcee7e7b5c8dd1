// Controls and pictures in sight that have no name for those who don't see them.
() => {
  const kinds = ["button", "input", "textarea", "img"].map((tag) => `.gradio-container ${tag}`).join();
  const named = (n) => n.getAttribute("aria-label") || n.alt || n.textContent.trim() || n.labels?.length || n.closest("label");
  return [...document.querySelectorAll(kinds)].filter((n) => n.offsetParent && !named(n)).map((n) => n.outerHTML.slice(0, 120));
}
