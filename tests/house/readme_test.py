#!/usr/bin/python3
"""readme_test.py [--update] PROGRAM VALIDATE_PROGRAM SOURCE: every command of README.md runs, and where the README
shows what one prints, it prints just that. A block to check starts with a line "$ ./lockstep …"; other lines that
start with "./lockstep" are run for their exit code. Blocks after "<!-- apply: …" are how_to_test.py's. --update writes
the output into the README instead."""

import re
import shlex
import subprocess
import sys

# Commands that end with something else than 0, by design: a plan that does not fit, input with mistakes.
EXPECTED = {"4": " # exit code 4", "3": " # exit code 3"}


def run(command, programs, source):
    words = shlex.split(command.split(" # ")[0])
    program = programs["validate"] if words[1] == "validate" else programs["lockstep"]
    arguments = words[2:] if words[1] == "validate" else words[1:]
    result = subprocess.run([program, *arguments], cwd=source, capture_output=True, text=True, check=False)
    wanted = next((int(code) for code, mark in EXPECTED.items() if command.endswith(mark)), 0)
    return result, wanted


def main():
    arguments = sys.argv[1:]
    update = arguments[0] == "--update"
    if update:
        arguments = arguments[1:]
    programs, source = {"lockstep": arguments[0], "validate": arguments[1]}, arguments[2]
    path = f"{source}/README.md"
    with open(path, encoding="utf-8") as file:
        text = file.read()

    failures, checked = [], 0
    for marker, block in re.findall(r"(<!-- apply: .*\n)?```\w*\n((?s:.*?))```", text):
        if marker:
            continue
        lines = block.split("\n")
        shown = lines[0].startswith("$ ./lockstep")
        for line in [lines[0][2:]] if shown else [l for l in lines if l.startswith("./lockstep")]:
            result, wanted = run(line, programs, source)
            checked += 1
            if result.returncode != wanted:
                failures.append(f"{line}: exit code {result.returncode}, not {wanted}\n{result.stderr}")
            printed = result.stdout if wanted != 3 else result.stderr
            if shown and block != f"{lines[0]}\n{printed}":
                if update:
                    text = text.replace(block, f"{lines[0]}\n{printed}")
                else:
                    failures.append(f"{line}: the README shows something else than is printed:\n{printed}")
    if update:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    if checked < 5:
        failures.append(f"only {checked} commands found in README.md")
    print("\n".join(failures) if failures else f"{checked} commands of the README do what it says")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
