"""How the shipped English parser is made: words → generated prompts, treebank → files for Stanza's trainers.

Needed only to make `assets/stanza-en` anew (`python -m t2i_studio.prompts.train_stanza`).
"""
