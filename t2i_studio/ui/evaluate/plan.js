// What the evaluation would be, before it starts: how many pictures, how long.
const root = element.querySelector(".plan");
const many = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
const lasting = (seconds) => {
  if (seconds === null || seconds === undefined) return "how long is known after the first pictures";
  if (seconds < 90) return `about ${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`;
  return `about ${(seconds / 3600).toFixed(1)} h`;
};
const draw = () => {
  const plan = props.value || {};
  if (!plan.pictures) return root.replaceChildren();
  const product = `${many(plan.prompts, "prompt")} × ${many(plan.pictures / plan.prompts / plan.ways, "seed")} × ${many(plan.ways, "way")}`;
  return root.replaceChildren(el("strong", {}, many(plan.pictures, "picture")), el("span", {}, `${product}; ${lasting(plan.seconds)}`));
};
watch("value", draw);
draw();
