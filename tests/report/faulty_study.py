"""Writes a study in which much goes wrong: look.py shows what becomes of it.

usage: faulty_study.py FOLDER

Three models with long names are asked about twelve rows. One never answers; of one row nobody says anything; what the
others cite is there, is nearly there, or is not.
"""

import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
MODELS = ["one <img src=x onerror=window.__pwned=1>", "=two", "vendor:a-rather-long-model-name-2026-11-30-preview"]
JOBS = ["nurse on rotating shifts", "student", "retired teacher", "night watchman", "baker", "taxi driver"]

rows, recordings = [], []
for number in range(12):
    job, record = JOBS[number % len(JOBS)], f"p{number}"
    said = f"I am a {job}. I come after eight because home is loud. The wifi fails every evening at seven."
    rows.append({"id": record, "text": said})
    for place in (0, 2):
        if number == 5:
            recordings.append({"record": record, "model": f"m{place}", "sample": 0, "failures": [{"status": 400}] * 9})
            continue
        persona = {"name": "Jonas" if place else "Tariq", "age": 20 + 3 * number, "occupation": job if number % 3 or place else "plumber",
                   "location": ["Oslo", "Riga", "Quito"][(number + place) % 3], "education": "bachelor's degree",
                   "goals": ["A quiet place to work", "Wifi that holds"], "pain_points": ["The wifi fails"],
                   "bio": f"A {job} whose home is loud; comes in the evening, and stays until the lights go out."}
        evidence = {"occupation": [{"quote": f"I am a {job}", "row": record}],
                    "goals": [{"quote": "The wifi fails every evening at seven", "row": record}],
                    "pain_points": [{"quote": "nobody ever said these words to anybody", "row": record}]}
        recordings.append({"record": record, "model": f"m{place}", "sample": 0, "persona": persona, "evidence": evidence})

panel = "".join(f"  - {{model: 'replay:m{place}', name: {json.dumps(name)}, recording: recordings.jsonl}}\n"
                for place, name in enumerate(MODELS))
(folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
(folder / "recordings.jsonl").write_text("".join(json.dumps(line) + "\n" for line in recordings))
(folder / "study.yaml").write_text(
    'name: "=faulty <b>study</b>"\nquestion: "Who are they? <script>window.__pwned=1</script>"\n'
    "input: {path: rows.jsonl, unit: record, id_field: id}\npersonas: {min: 1, max: 1}\nmode: consensus\n"
    "quorum: {min_success_ratio: 0.1}\nretry: {max_attempts: 1}\n" f"panel:\n{panel}")
