// One line of text below a button.
const root = element.querySelector(".cost");
const draw = () => { root.textContent = props.value || ""; };
watch("value", draw);
draw();
