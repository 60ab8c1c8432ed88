"""How long a lesson is and how hard to read: words, minutes and school years. Estimates, for who writes."""

import re

WORDS_A_MINUTE = 220  # of an adult who reads on a screen
_TARGET = re.compile(r"\]\([^)]*\)")
_LISTED = re.compile(r"\||#|\s*[-*] |\s*\d+\. |\s*\{\{[^{}]*\}\}\s*$")


def word_count(markdown: str) -> int:
    return sum(1 for word in _TARGET.sub("]", markdown).split() if re.search(r"\w", word))


def minutes(words: int) -> int:
    """To read so many words, at least one."""
    return max(1, round(words / WORDS_A_MINUTE))


def grade_of(markdown: str) -> float | None:
    """The school year that the paragraphs ask for (Flesch-Kincaid); None for too few words to tell."""
    text = prose(markdown)
    return grade(text) if len(_words(text)) >= 30 else None


def prose(markdown: str) -> str:
    """The paragraphs: no headings, tables, lists, blocks or sources, no marks and no targets of links."""
    text = markdown.partition("\n## Sources")[0]
    lines = [line for line in text.splitlines() if not _LISTED.match(line)]
    text = _TARGET.sub("", "\n".join(lines))
    return re.sub(r"\{\{[^{}]*\}\}", "Ann", re.sub(r"[*_`\[\]]", "", text))


def grade(text: str) -> float:
    """Flesch-Kincaid: 0.39 words per sentence + 11.8 syllables per word - 15.59. The text has at least one word."""
    sentences = [s for s in re.split(r"[.!?:](?=[\s\")])|\n\n", text) if re.search(r"[A-Za-z]", s)]
    words = _words(text)
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]+(?:['’-][A-Za-z]+)*", text)


def syllables(word: str) -> int:
    """Groups of vowels; a silent e at the end is none."""
    word = re.sub(r"(?<=[a-z]{2})(?<![^aeiouy]l)e$|(?<=[a-z]{2}[^aeiouydt])e[ds]$", "", word.lower())
    return max(1, len(re.findall(r"[aeiouy]+", word)))
