#!/usr/bin/python3
"""accuracy_test.py [--update | --refit] VALIDATE_PROGRAM SOURCE: the generated parts of validate/ACCURACY.md, each
between a marker that names its command and an end marker, are what the program prints for the corpus today; and the
kept predictions with a model left out of the fit (validate/corpus/left_out_models.csv) are today's for some models.

--update writes the generated parts. --refit first fits the constants anew without each model and without each source
(many minutes), writes left_out_models.csv and left_out_sources.csv, and then does what --update does."""

import csv
import glob
import io
import os
import re
import subprocess
import sys

PART = re.compile(r"^<!-- generated: lockstep validate ([^\n]*) -->\n(.*?)^<!-- end of the generated part -->\n", re.M | re.S)
FILES = ["training_runs.csv", "korthikanti_table5.csv", "oom_runs.csv"]
KEPT = {"model": "left_out_models.csv", "source": "left_out_sources.csv"}
# Refitted by the test: one model of each kind of hardware and software that the corpus is rich in.
CHECKED_MODELS = ["gpt-3.6B", "llama3-70b-12L"]
# Predictions to this share: the optimiser stops within it, and compilers round differently.
TOLERANCE = 0.01


def printed(program, source, arguments):
    words = []
    for word in arguments:
        matches = sorted(glob.glob(word, root_dir=source)) if "*" in word else [word]
        words.extend(matches)
    return subprocess.run([program, *words], cwd=source, capture_output=True, text=True, check=True).stdout


def left_out(program, source, by, only=()):
    files = [f"validate/corpus/{name}" for name in FILES]
    chosen = [word for name in only for word in ("--only", name)]
    return printed(program, source, ["runs", *files, f"--leave-one-{by}-out", *chosen, "--format", "predictions"])


def write_left_out(program, source):
    for by, name in KEPT.items():
        text = left_out(program, source, by)
        with open(f"{source}/validate/corpus/{name}", "w", encoding="utf-8") as file:
            file.write(text)


def rows_of(text):
    return {row["row_id"]: row for row in csv.DictReader(io.StringIO(text))}


def moved_predictions(program, source):
    path = f"{source}/validate/corpus/{KEPT['model']}"
    if not os.path.exists(path):
        return [f"{path} is not there; run this test with --refit"]
    with open(path, encoding="utf-8") as file:
        kept = rows_of(file.read())
    fresh = rows_of(left_out(program, source, "model", CHECKED_MODELS))
    failures = []
    for row_id, row in fresh.items():
        for column in ("predicted_step_time_s", "predicted_peak_memory_bytes"):
            old = float(kept[row_id][column]) if row_id in kept else 0.0
            if abs(float(row[column]) - old) > TOLERANCE * old:
                failures.append(f"{row_id}: {column} is {row[column]} with its model left out, kept is {old}")
    if not fresh:
        failures.append(f"no row of {', '.join(CHECKED_MODELS)}")
    return failures


def main():
    arguments = sys.argv[1:]
    option = arguments.pop(0) if arguments[0].startswith("--") else ""
    program, source = arguments
    path = f"{source}/validate/ACCURACY.md"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    commands = {part.group(1).split()[0] for part in PART.finditer(text)}
    if commands != {"accuracy", "collectives", "calibrate"}:
        print(f"{path}: expected generated parts of accuracy, collectives and calibrate, found {sorted(commands)}")
        return 1
    if option == "--refit":
        write_left_out(program, source)
    fresh = PART.sub(lambda part: f"<!-- generated: lockstep validate {part.group(1)} -->\n"
                     f"{printed(program, source, part.group(1).split())}<!-- end of the generated part -->\n", text)
    if option in ("--update", "--refit"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(fresh)
        return 0
    failures = moved_predictions(program, source)
    if fresh != text:
        failures.append("validate/ACCURACY.md does not show today's errors; run this test with --update and review the"
                        " change")
    print("\n".join(failures) if failures else "validate/ACCURACY.md shows today's errors")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
