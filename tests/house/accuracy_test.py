#!/usr/bin/python3
"""accuracy_test.py [--update] VALIDATE_PROGRAM SOURCE: the generated part of validate/ACCURACY.md, below its marker,
is what the program prints for the corpus today. --update writes it."""

import subprocess
import sys

MARKER = "<!-- generated: lockstep validate runs validate/corpus/training_runs.csv validate/corpus/oom_runs.csv " \
         "--format markdown -->\n"


def main():
    arguments = sys.argv[1:]
    update = arguments[0] == "--update"
    program, source = arguments[1:] if update else arguments
    path = f"{source}/validate/ACCURACY.md"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if MARKER not in text:
        print(f"{path} lacks the line {MARKER}")
        return 1
    command = [program, "runs", "validate/corpus/training_runs.csv", "validate/corpus/oom_runs.csv",
               "--format", "markdown"]
    printed = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True).stdout
    head, shown = text.split(MARKER)
    if update:
        with open(path, "w", encoding="utf-8") as file:
            file.write(head + MARKER + printed)
        return 0
    if shown != printed:
        print("validate/ACCURACY.md does not show today's errors; run this test with --update and review the change")
        return 1
    print("validate/ACCURACY.md shows today's errors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
