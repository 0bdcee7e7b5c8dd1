"""Generated prompts with their parts of speech, for the tagger and tokenizer to learn what web text lacks.

A sentence is a list of (form, UPOS). Tags follow English-EWT's habits: noun modifiers of nouns are NOUN,
colours before a noun ADJ, participles before a noun VERB. Knows nothing of files.
"""

from __future__ import annotations

import random

from .lexicon import (
    ACTIONS,
    ADJECTIVES,
    COLOURS,
    COMPOUNDS,
    ENDINGS,
    HAPPENINGS,
    NOUNS,
    NUMBERS,
    PAIRED,
    PARTICIPLES,
    PLACES,
    PLURALS,
    POSES,
    SYLLABLES,
)

Sentence = list[tuple[str, str]]

_TAGGED: dict[str, str] = {
    "a": "DET", "an": "DET", "the": "DET", "one": "NUM", "of": "ADP", "and": "CCONJ", "or": "CCONJ",
    ",": "PUNCT", "with": "ADP", "to": "ADP", "left": "NOUN", "right": "NOUN", "on": "ADP", "in": "ADP",
    "top": "NOUN", "front": "NOUN", "side": "NOUN", "bottom": "NOUN", "back": "NOUN", "next": "ADV",
    "above": "ADP", "below": "ADP", "under": "ADP", "behind": "ADP", "beside": "ADP", "near": "ADP",
    "inside": "ADP", "over": "ADP", "between": "ADP", "at": "ADP", "by": "ADP", "is": "AUX",
    "are": "AUX", "that": "PRON", "photo": "NOUN", "picture": "NOUN", "image": "NOUN",
    "photograph": "NOUN", "drawing": "NOUN", "painting": "NOUN", "illustration": "NOUN",
    "sketch": "NOUN", "render": "NOUN", "portrait": "NOUN", "view": "NOUN", "oil": "NOUN",
    "watercolor": "NOUN", "art": "NOUN", "style": "NOUN", "quality": "NOUN", "background": "NOUN",
    "lighting": "NOUN", "close": "ADJ", "hidden": "VERB", "made": "VERB", "pair": "NOUN",
    "group": "NOUN", "couple": "NOUN", "detailed": "ADJ", "highly": "ADV", "cinematic": "ADJ",
    "best": "ADJ", "digital": "ADJ", "very": "ADV", "its": "PRON", "his": "PRON", "her": "PRON",
    "several": "ADJ", "many": "ADJ", "some": "DET", "dozen": "NUM", "from": "ADP", "against": "ADP",
    "4k": "NOUN", "8k": "NOUN", "sharp": "ADJ", "focus": "NOUN", "soft": "ADJ",
}  # fmt: skip

_RELATIONS = (
    "to the left of|to the right of|on the left of|on the right of|on top of|on the top of|"
    "in front of|next to|above|below|under|behind|beside|near|inside|on|in|over|by|on the side of|"
    "on the bottom of|at the back of|with|hidden by|close to|in the middle of|on the left side of|"
    "on the right side of"
).split("|")
_OPENINGS = (
    "a photo of|a picture of|an image of|a photograph of|a drawing of|a painting of|"
    "an illustration of|a sketch of|an oil painting of|a digital painting of|a close view of|photo of|"
    "portrait of|a render of|a watercolor of"
).split("|")
_ENDINGS = (
    "oil painting|digital art|highly detailed|best quality|cinematic lighting|watercolor painting|"
    "white background|sharp focus|soft lighting|4k|8k|very detailed|watercolor style"
).split("|")


def _tag(text: str) -> Sentence:
    words = text.split()
    tagged: Sentence = []
    for word in words:
        upos = _TAGGED.get(word) or ("ADJ" if word in (*COLOURS, *ADJECTIVES) else "NOUN")
        tagged.append((word, upos))
    return tagged


def plural(noun: str) -> str:
    """The plural of an English noun, the last word of a compound."""
    if noun in PLURALS:
        return PLURALS[noun]
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


class PromptGrammar:
    """Draws prompts from one seeded stream. Made-up nouns keep the tagger from leaning on a list."""

    def __init__(self, seed: int, made_up: float = 0.25) -> None:
        self.random = random.Random(seed)
        self.made_up = made_up

    def sentence(self) -> Sentence:
        """One prompt; some in title case, upper case or with a full stop."""
        kinds = (
            "pair",
            "pair",
            "pair",
            "single",
            "count",
            "relation",
            "relation",
            "relation",
            "list",
            "action",
            "predicate",
            "happening",
            "bare",
        )
        words = getattr(self, "_" + self.random.choice(kinds))()
        if self.random.random() < 0.3:
            words = _tag(self.random.choice(_OPENINGS)) + words
        if self.random.random() < 0.12:
            for ending in self.random.sample(_ENDINGS, self.random.randint(1, 3)):
                words += [(",", "PUNCT"), *_tag(ending)]
        return self._finished(words)

    def _finished(self, words: Sentence) -> Sentence:
        chance = self.random.random()
        if chance < 0.15:
            words = [(words[0][0].capitalize(), words[0][1]), *words[1:], (".", "PUNCT")]
        elif chance < 0.22:
            words = [(words[0][0].capitalize(), words[0][1]), *words[1:]]
        elif chance < 0.25:
            words = [(form.upper(), upos) for form, upos in words]
        return words

    def _noun(self) -> Sentence:
        if self.random.random() < self.made_up:
            return [(self._nonce(), "NOUN")]
        chance = self.random.random()
        if chance < 0.14:
            return [(word, "NOUN") for word in self.random.choice(COMPOUNDS).split()]
        if chance < 0.26:
            # any noun may modify any other: an unknown word before a noun need not be an adjective
            first = self._nonce() if self.random.random() < 0.5 else self.random.choice(NOUNS)
            return [(first, "NOUN"), (self.random.choice(NOUNS), "NOUN")]
        return [(self.random.choice(NOUNS), "NOUN")]

    def _nonce(self) -> str:
        return "".join(self.random.choices(SYLLABLES, k=self.random.choice((2, 2, 2, 3)))) + self.random.choice(ENDINGS)

    def _adjectives(self) -> Sentence:
        chance = self.random.random()
        colour, adjective = self.random.choice(COLOURS), self.random.choice(ADJECTIVES)
        if chance < 0.36:
            return []
        if chance < 0.72:
            return [(colour, "ADJ")]
        if chance < 0.84:
            return [(adjective, "ADJ")]
        if chance < 0.91:
            return [(adjective, "ADJ"), (colour, "ADJ")]
        if chance < 0.94:
            return [(self.random.choice(PARTICIPLES), "VERB")]
        if chance < 0.97:
            return [(adjective, "ADJ"), (",", "PUNCT"), (self.random.choice(ADJECTIVES), "ADJ")]
        return [(colour, "ADJ"), ("and", "CCONJ"), (self.random.choice(COLOURS), "ADJ")]

    def _phrase(self, weighted: bool = True) -> Sentence:
        """A noun phrase: singular, plural, counted, or weighted "(fox:1.2)"."""
        chance = self.random.random()
        adjectives, noun = self._adjectives(), self._noun()
        if weighted and chance < 0.02:
            inner = [*adjectives, *noun]
            return [
                ("(", "PUNCT"),
                *inner,
                (":", "PUNCT"),
                (f"{self.random.uniform(0.5, 1.6):.1f}", "NUM"),
                (")", "PUNCT"),
            ]
        if chance < 0.06:
            paired = (self.random.choice(PAIRED), "NOUN")
            start = self.random.choice(("a", "", "a pair of"))
            return [*_tag(start), *(adjectives if start != "a pair of" else []), paired]
        if chance < 0.14:
            return [*self._number(), *adjectives, *noun[:-1], (plural(noun[-1][0]), "NOUN")]
        if chance < 0.18:
            return [*adjectives, *noun[:-1], (plural(noun[-1][0]), "NOUN")]
        if chance < 0.24:
            return [
                self.random.choice((("the", "DET"), ("one", "NUM"), ("another", "DET"))),
                *adjectives,
                *noun,
            ]
        words = [*adjectives, *noun]
        article = "an" if words[0][0][0] in "aeiou" and self.random.random() < 0.5 else "a"
        return [(article, "DET"), *words]

    def _number(self) -> Sentence:
        if self.random.random() < 0.1:
            return [(self.random.choice(("several", "many")), "ADJ")]
        return [(self.random.choice(NUMBERS), "NUM")]

    def _single(self) -> Sentence:
        return self._phrase()

    def _bare(self) -> Sentence:
        return [*self._adjectives(), *self._noun()]

    def _pair(self) -> Sentence:
        link = self.random.choice(("and", "and", "and", "and", "with", ",", "or"))
        return [*self._phrase(), *_tag(link), *self._phrase()]

    def _count(self) -> Sentence:
        noun = self._noun()
        words = [*self._number(), *self._adjectives(), *noun[:-1], (plural(noun[-1][0]), "NOUN")]
        return words + ([*_tag("and"), *self._phrase()] if self.random.random() < 0.4 else [])

    def _relation(self) -> Sentence:
        link = self.random.choice(_RELATIONS)
        if self.random.random() < 0.25:
            side = self.random.choice(("left", "right"))
            return [*self._phrase(), (side, "ADJ"), ("of", "ADP"), *self._phrase()]
        pose = [(self.random.choice(POSES), "VERB")] if self.random.random() < 0.2 else []
        return [*self._phrase(), *pose, *_tag(link), *self._phrase()]

    def _list(self) -> Sentence:
        words = self._phrase()
        for _ in range(self.random.randint(1, 3)):
            words += [(",", "PUNCT"), *self._phrase()]
        if self.random.random() < 0.6:
            words += [*_tag("and"), *self._phrase()]
        return words

    def _action(self) -> Sentence:
        helper = _tag("is") if self.random.random() < 0.3 else []
        words = [
            *self._phrase(),
            *helper,
            (self.random.choice(ACTIONS), "VERB"),
            *self._phrase(weighted=False),
        ]
        if self.random.random() < 0.4:
            words += [*_tag("in the"), (self.random.choice(PLACES), "NOUN")]
        return words

    def _happening(self) -> Sentence:
        words = [*self._phrase(weighted=False), (self.random.choice(HAPPENINGS), "VERB")]
        return [*words, *_tag(self.random.choice(_RELATIONS)), *self._phrase(weighted=False)]

    def _predicate(self) -> Sentence:
        link = self.random.choice(("is", "that is", "is very", "that is very"))
        quality = self.random.choice((*COLOURS, *ADJECTIVES))
        if self.random.random() < 0.3:
            place = self.random.choice(_RELATIONS)
            return [*self._phrase(), *_tag("is"), *_tag(place), *self._phrase()]
        return [*self._phrase(), *_tag(link), (quality, "ADJ")]


def spaced(sentence: Sentence) -> list[bool]:
    """Whether a space follows each word when the sentence is written out."""
    flags = []
    for (form, _), following in zip(sentence, [*sentence[1:], ("", "")], strict=True):
        flags.append(form != "(" and form != ":" and following[0] not in {",", ".", ":", ")"})
    return flags
