// The card of the run in sight.
const root = element.querySelector(".keep");
const draw = () => root.replaceChildren(...(props.value ? [keepCard(props.value)] : []));
watch("value", draw);
draw();
