"""The board of the tab Fine-tune: jobs as data, and what draws them."""
