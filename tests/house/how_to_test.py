#!/usr/bin/python3
"""how_to_test.py NINJA BUILD SOURCE: the pages "How to add …" of README.md do what they say.

Applies the marked code blocks of every page to a copy of the sources, compiles what they touch with
the commands of the build folder, links it before the build's libraries, and runs the commands of the
page with that program and the copied catalog. A block is marked by a comment on the line before:

    <!-- apply: new FILE -->             the block is the whole of a new file
    <!-- apply: after FILE: TEXT -->     it follows the one line that contains the text
    <!-- apply: replace FILE: TEXT -->   it takes the place of the one line that contains the text
    <!-- apply: run -->                  commands, each with a line "# prints: TEXT" after it

What is printed must contain the text (any white space counts as one space), and the unchanged
program must not print it. Ends with 77 where there is no compiler for the pages in C++.
"""

import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

PAGES = ["schedule", "topology", "collective algorithm", "model", "GPU"]
MOST_LINES = 75  # of a page
FOLDERS = ["topology", "strategies", "scenarios", "sim"]
TEST_FILES = ["tests/catch.hpp", "tests/property/schedule_validator_test.cpp"]
SKIPPED = 77


class Failure(Exception):
    pass


# -- the README

def pages_of(text):
    section = text.partition("\n## How to add …\n")[2].partition("\n## ")[0]
    found = dict(re.findall(r"^### … an? (.*?)\n(.*?)(?=^### |\Z)", section, re.S | re.M))
    if list(found) != PAGES:
        raise Failure(f"README.md tells how to add {list(found)}, not {PAGES}")
    for name, page in found.items():
        if page.count("\n") > MOST_LINES:
            raise Failure(f"how to add a {name}: {page.count(chr(10))} lines are more than a page")
    return found


def blocks_of(page):
    """(what to do, file, anchor, content) of every marked block."""
    blocks = []
    for marker, content in re.findall(r"^<!-- apply: ([^\n]*) -->\n```\w+\n(.*?)^```$", page, re.S | re.M):
        match = re.fullmatch(r"(run)|(new) (\S+)|(after|replace) (\S+): (.+)", marker)
        if not match:
            raise Failure(f"nobody knows what '{marker}' asks for")
        run, new, new_file, edit, edit_file, anchor = match.groups()
        blocks.append((run or new or edit, new_file or edit_file, anchor, content))
    if len(blocks) != page.count("<!-- apply:"):
        raise Failure("a marker stands before something else than a block")
    return blocks


def commands_of(block):
    """(words, text to print) of every command."""
    found = []
    for line in block.replace("\\\n", " ").splitlines():
        if line.startswith("./lockstep "):
            found.append([shlex.split(line)[1:], None])
        elif line.startswith("# prints: ") and found and not found[-1][1]:
            found[-1][1] = line[len("# prints: "):]
        else:
            raise Failure(f"neither a command nor what it prints: {line}")
    if not found or not all(text for _, text in found):
        raise Failure("every command needs a line '# prints: …' after it")
    return found


# -- the copy

def apply(root, what, name, anchor, content):
    path = os.path.join(root, name)
    if what == "new":
        if os.path.exists(path):
            raise Failure(f"{name} is there already")
        lines = [content]
    else:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines(keepends=True)
        places = [i for i, line in enumerate(lines) if anchor in line]
        if len(places) != 1:
            raise Failure(f"{name} has '{anchor}' in {len(places)} lines, not in one")
        first = places[0]
        lines[first:first + 1] = [content] if what == "replace" else [lines[first], content]
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(lines))


def copy_sources(source, root):
    for folder in FOLDERS:
        shutil.copytree(os.path.join(source, folder), os.path.join(root, folder))
    for name in TEST_FILES:
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        shutil.copy(os.path.join(source, name), os.path.join(root, name))


def includes_of(path):
    with open(path, encoding="utf-8") as file:
        return re.findall(r'^#include "([^"]+)"', file.read(), re.M)


def sources_to_compile(root, changed):
    """The changed .cpp files, and those that include a changed header, at whatever distance."""
    includes = {}
    for folder in FOLDERS:
        for where, _, files in os.walk(os.path.join(root, folder)):
            for file in (f for f in files if f.endswith((".cpp", ".hpp"))):
                path = os.path.join(where, file)
                includes[os.path.relpath(path, root)] = includes_of(path)
    touched, todo = set(changed), list(changed)
    while todo:
        header = todo.pop()
        for name in (n for n, own in includes.items() if header in own and n not in touched):
            touched.add(name)
            todo.append(name)
    return sorted(name for name in touched if name.endswith(".cpp"))


# -- the build

class Build:
    """The commands of the build folder, for a copy of the sources."""

    def __init__(self, ninja, folder, source, root):
        self.ninja, self.folder, self.source, self.root = ninja, folder, source, root
        self.objects = tempfile.mkdtemp(prefix="objects.", dir=root)
        self.compile_commands = {}
        for entry in json.loads(run([ninja, "-t", "compdb"], folder)):
            if entry["file"].endswith(".cpp") and " -c " in entry["command"]:
                path = os.path.join(entry["directory"], entry["file"])
                self.compile_commands[os.path.relpath(path, source)] = entry

    def compiler(self):
        words = shlex.split(next(iter(self.compile_commands.values()))["command"])
        return next(word for word in words if os.path.basename(word) != "ccache")

    def compile(self, name):
        """The object of a file of the copy, by its own command or that of one in the same folder."""
        folder = os.path.dirname(name) + "/"
        like = name if name in self.compile_commands else next(
            known for known in sorted(self.compile_commands)
            if known.startswith(folder) and "/" not in known[len(folder):])
        entry = self.compile_commands[like]
        target = os.path.join(self.objects, name.replace("/", ".") + ".o")
        words, skip = [], False
        for word in shlex.split(entry["command"]):
            if skip or word in ("-o", "-c", "-MF", "-MT", "-MD"):
                skip = not skip and word in ("-o", "-c", "-MF", "-MT")
            elif word == f"-I{self.source}":
                words.append(f"-I{self.root}")
            else:
                words.append(word)
        run(words + ["-o", target, "-c", os.path.join(self.root, name)], entry["directory"])
        return target

    def link_words(self, target):
        command = run([self.ninja, "-t", "commands", target], self.folder).splitlines()[-1]
        # ": && link && :", or what is done after linking in the place of ":".
        return shlex.split(command.split("&&")[1])

    def link(self, output, objects, instead_of_main=()):
        """A program of the objects before the libraries: what they define is not looked for in any
        library, so members of the same name stay out."""
        words = []
        for word in self.link_words("bin/lockstep"):
            if words and words[-1] == "-o":
                words.append(output)
            elif word.endswith("main.cpp.o"):
                words += [*(instead_of_main or [word]), *objects]
            else:
                words.append(word)
        run(words, self.folder)
        return output

    def catch_libraries(self):
        return [word for word in self.link_words("tests/lockstep-test-property")
                if "catch" in os.path.basename(word).lower() and word.endswith((".a", ".so"))]


def run(words, folder):
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    if result.returncode != 0:
        shown = " ".join(words[:1] + words[-3:])
        raise Failure(f"{shown}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


# -- the pages at work

def one_spaced(text):
    return " ".join(text.split())


def check_commands(page, program, root, before, source):
    count = 0
    for what, _, _, content in blocks_of(page):
        for words, wanted in commands_of(content) if what == "run" else []:
            arguments = [*words, "--catalog", os.path.join(root, "scenarios")]
            printed = run([program, *arguments], root)
            if one_spaced(wanted) not in one_spaced(printed):
                raise Failure(f"./lockstep {shlex.join(words)} does not print '{wanted}':\n{printed}")
            old = subprocess.run([before, *words], cwd=source, capture_output=True, text=True, check=False)
            if one_spaced(wanted) in one_spaced(old.stdout):
                raise Failure(f"./lockstep {shlex.join(words)} prints '{wanted}' without the addition")
            count += 1
    if count < 2:
        raise Failure(f"only {count} commands show the addition at work")
    return count


def is_in_cpp(page):
    return any(name and name.endswith(".cpp") for _, name, _, _ in blocks_of(page))


def build_pages(build, changed, root):
    names = sources_to_compile(root, changed)
    test = next(name for name in TEST_FILES if name.endswith("_test.cpp"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        *objects, validator = pool.map(build.compile, [*names, test])
    program = build.link(os.path.join(root, "lockstep"), objects)
    validate = build.link(os.path.join(root, "validator"), objects, [validator, *build.catch_libraries()])
    print(f"compiled {', '.join(names)} and {test}")
    print(run([validate, "schedules: legal*"], root).strip().splitlines()[-1])
    return program


def check(ninja, build_folder, source):
    with open(os.path.join(source, "README.md"), encoding="utf-8") as file:
        pages = pages_of(file.read())
    before = os.path.join(build_folder, "bin/lockstep")
    with tempfile.TemporaryDirectory(prefix="how to add.") as root:
        copy_sources(source, root)
        changed = []
        for page in pages.values():
            for what, name, anchor, content in blocks_of(page):
                if what != "run":
                    apply(root, what, name, anchor, content)
                    changed.append(name)
        build = Build(ninja, build_folder, source, root)
        compiler = build.compiler()
        program = before
        if shutil.which(compiler):
            program = build_pages(build, [n for n in changed if n.endswith((".cpp", ".hpp"))], root)
        for name, page in pages.items():
            if not is_in_cpp(page):
                print(f"{name}: {check_commands(page, before, root, before, source)} commands")
            elif program != before:
                print(f"{name}: {check_commands(page, program, root, before, source)} commands")
        if program == before:
            print(f"no compiler {compiler}: pages in C++ are skipped")
            return SKIPPED
    return 0


def main():
    try:
        return check(sys.argv[1], os.path.abspath(sys.argv[2]), os.path.abspath(sys.argv[3]))
    except Failure as failure:
        print(failure)
        return 1


if __name__ == "__main__":
    sys.exit(main())
