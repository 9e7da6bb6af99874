#!/usr/bin/python3
"""accuracy_test.py [--update] VALIDATE_PROGRAM SOURCE: the generated parts of validate/ACCURACY.md, each below a marker
that names its command, are what the program prints for the corpus today. --update writes them."""

import glob
import re
import subprocess
import sys

MARKER = re.compile(r"^<!-- generated: lockstep validate (.*) --format markdown -->\n", re.M)


def printed(program, source, arguments):
    words = []
    for word in arguments.split():
        matches = sorted(glob.glob(word, root_dir=source)) if "*" in word else [word]
        words.extend(matches)
    command = [program, *words, "--format", "markdown"]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, check=True).stdout


def main():
    arguments = sys.argv[1:]
    update = arguments[0] == "--update"
    program, source = arguments[1:] if update else arguments
    path = f"{source}/validate/ACCURACY.md"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    markers = list(MARKER.finditer(text))
    commands = {marker.group(1).split()[0] for marker in markers}
    if commands != {"runs", "collectives", "calibrate"} or len(markers) < 4:
        print(f"{path}: expected the generated parts of runs, collectives, calibrate and calibrate --transfer,"
              f" found {len(markers)}")
        return 1
    fresh = text[:markers[0].start()]
    for marker in markers:
        fresh += marker.group(0) + printed(program, source, marker.group(1)) + "\n"
    fresh = fresh.rstrip("\n") + "\n"
    if update:
        with open(path, "w", encoding="utf-8") as file:
            file.write(fresh)
        return 0
    if fresh != text:
        print("validate/ACCURACY.md does not show today's errors; run this test with --update and review the change")
        return 1
    print("validate/ACCURACY.md shows today's errors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
