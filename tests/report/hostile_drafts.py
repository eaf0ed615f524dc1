"""Writes drafts of three models in which every field is hostile: look.py shows what becomes of them.

usage: hostile_drafts.py STRINGS.json DRAFTS.jsonl
"""

import json
import sys

strings = json.load(open(sys.argv[1], encoding="utf-8"))


def name(text):
    text = "".join(c for c in text if ord(c) > 31 and not 127 <= ord(c) < 160).strip()[:100]
    return text or "x"


with open(sys.argv[2], "w", encoding="utf-8") as drafts:
    for number in range(len(strings)):
        text = [strings[(number + place) % len(strings)] for place in range(12)]
        for model in range(3):
            persona = {"name": text[0], "occupation": text[1 + model], "goals": [text[2], text[4 + model]], "bio": text[7],
                       "age": 30 + number % 20, name(text[8]): text[9]}
            evidence = {"occupation": [{"quote": text[10], "row": text[11]}]}
            draft = {"record": f"{number} {name(text[0])}", "model": f"{model} {name(strings[model])}", "persona": persona,
                     "evidence": evidence}
            drafts.write(json.dumps(draft) + "\n")
