#!/usr/bin/env python3
"""Fits a calibration to one half of SynthPAI's people and measures it on the other half.

    tests/held_out.py [--consona target/release/consona] [--data $CONSONA_EVAL_DATA/synthpai_dev]
                      [--ship data/calibration.json]

A person belongs to the first half when the first byte of the SHA-256 of the record id is even. Prints the
table of the README, the same with the halves exchanged, and what ranked answers bring. --ship writes
the calibration that was fitted to the first half.
"""

import argparse
import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

SIZES = (3, 5, 8, 19)
FITTED = "1,2,3,5,8,12,19"
NOTE = (
    "SynthPAI (eth-sri, CC BY-NC-SA 4.0): what 19 language models inferred about people from their comments, "
    "values judged one by one. Fitted to the people whose record id has an even first byte of SHA-256, each "
    "value decided by 20 committees of 1, 2, 3, 5, 8 and 12 models and by all 19; measured on the others by "
    "tests/held_out.py, whose figures stand in the README. The list of features was chosen with all people in "
    "view. No lists or texts were labelled and no passages were cited: of these it says nothing. Fit your own "
    "with consona calibrate."
)


def halves(gold: Path, folder: Path) -> list[Path]:
    lines = gold.read_text(encoding="utf-8").splitlines(keepends=True)
    parity = [hashlib.sha256(json.loads(line)["record"].encode()).digest()[0] % 2 for line in lines]
    files = []
    for half, name in enumerate(("first", "second")):
        path = folder / f"synthpai_dev-gold-{name}-half.jsonl"
        path.write_text("".join(line for line, of in zip(lines, parity) if of == half), encoding="utf-8")
        files.append(path)
    return files


def answer(arguments: list[str]) -> dict:
    return json.loads(subprocess.run([*map(str, arguments), "--json"], check=True, capture_output=True).stdout)


def held_out(consona: str, drafts: Path, fitted: Path, judged: Path, folder: Path, ship: Path | None) -> None:
    file = ship or folder / "calibration.json"
    note = ["--note", NOTE]
    answer([consona, "calibrate", "--drafts", drafts, "--gold", fitted, "--committee-size", FITTED, "--repeats",
            "20", "--from-scratch", "--out", file, *note])  # fmt: skip
    print(f"fitted to {fitted.name}, measured on {judged.name}")
    print(f"{'committees of':<15}{'ECE':>7}{'Brier':>8}{'AUROC':>8}{'in sets':>9}   uncalibrated")
    for size in SIZES:
        evaluate = [consona, "evaluate", "consensus", "--drafts", drafts, "--gold", judged, "--committee-size", size,
                    "--repeats", "40", "--seed", "1", "--calibration"]  # fmt: skip
        found = answer([*evaluate, file, "--coverage", "0.9"])
        score = answer([*evaluate, "none"])["pooled"]
        pooled, covered = found["pooled"], found["sets"]["covered"]
        raw = " ".join(f"{score[name]:.3f}" for name in ("ece", "brier", "auroc"))
        print(f"{size:<15}{pooled['ece']:>7.3f}{pooled['brier']:>8.3f}{pooled['auroc']:>8.3f}{covered:>9.3f}   {raw}")


def ranked_answers(consona: str, drafts: Path, gold: Path, folder: Path) -> None:
    """The accuracy with and without the alternatives of the drafts."""
    bare = folder / "bare.jsonl"
    lines = (json.loads(line) for line in drafts.read_text(encoding="utf-8").splitlines())
    stripped = ({key: value for key, value in line.items() if key != "alternatives"} for line in lines)
    bare.write_text("".join(json.dumps(line) + "\n" for line in stripped), encoding="utf-8")
    print("accuracy with ranked answers, and with the first answers alone")
    for size in SIZES:
        found = [
            answer([consona, "evaluate", "consensus", "--drafts", file, "--gold", gold, "--committee-size", size,
                    "--repeats", "200", "--seed", "1"])["consensus"]["accuracy"]
            for file in (drafts, bare)
        ]  # fmt: skip
        print(f"{size:<15}{found[0]:>8.4f}{found[1]:>8.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--consona", default="target/release/consona")
    parser.add_argument("--data", default=os.environ.get("CONSONA_EVAL_DATA", "../shared/data") + "/synthpai_dev")
    parser.add_argument("--ship", type=Path)
    asked = parser.parse_args()
    drafts, gold = (Path(asked.data) / name for name in ("drafts.jsonl", "gold.jsonl"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, second = halves(gold, folder)
        held_out(asked.consona, drafts, first, second, folder, asked.ship)
        held_out(asked.consona, drafts, second, first, folder, None)
        ranked_answers(asked.consona, drafts, gold, folder)


if __name__ == "__main__":
    main()
