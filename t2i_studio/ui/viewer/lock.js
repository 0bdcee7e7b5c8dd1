// Two players in step: same noun, same noise level, same place, same drawing. Returns a function that parts them.
const lockPlayers = (first, second) => {
  if (!first.maps || !second.maps) return () => {};
  const tie = (from, to) => from.onChange((changes) => to.set(translated(changes, from, to), false));
  const loosen = [tie(first, second), tie(second, first)];
  second.set(translated(first.view, first, second), false);
  return () => loosen.forEach((part) => part());
};

// Nouns go by their id, steps by their timestep, layers by their name; what the other does not have stays out.
const translated = (changes, from, to) => {
  const out = { ...changes };
  if ("nouns" in changes) {
    const ids = changes.nouns.map((noun) => from.maps.nouns[noun].id);
    out.nouns = to.maps.nouns.flatMap((noun, index) => (ids.includes(noun.id) ? [index] : []));
  }
  if ("at" in changes && changes.at !== MEAN) out.at = to.maps.nearest(from.maps.timesteps[changes.at]);
  if ("source" in changes && !to.maps.sources.some((source) => source.id === changes.source)) out.source = to.maps.sources[0].id;
  // Only the one started last keeps time; a touch of either stops it.
  if (out.playing) out.playing = false;
  return out;
};
