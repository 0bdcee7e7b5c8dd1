"""One file a tab; each builds its part of the page inside the `gr.Blocks` that is open."""
