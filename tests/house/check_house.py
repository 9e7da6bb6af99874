#!/usr/bin/python3
"""Checks the rules of the house that a compiler does not: which folder may include which, where
heavy headers may appear, what the core may use, what lies at the top, how long files are.

    check_house.py ROOT         prints every breach as file:line: text; ends with 1 if there is one
    check_house.py --self-test  makes a tree with one breach of each rule and expects each found
"""

import os
import re
import subprocess
import sys
import tempfile

# Each folder may include itself and those before it.
ARROWS = ["topology", "strategies", "scenarios", "sim", "validate"]

TOP_LEVEL = set(ARROWS) | {
    "tests", "CMakeLists.txt", "CMakePresets.json", "README.md", "CHANGELOG.md", "LICENSE",
    "lockstep"}

# (headers, files that may include them, what to call them)
HEAVY = [
    (r"boost/(graph|property_map)/", r"topology/.*\.cpp$", "Boost.Graph", "topology/*.cpp"),
    (r"yaml-cpp/", r"scenarios/.*\.cpp$", "yaml-cpp", "scenarios/*.cpp"),
    (r"pugixml", r"scenarios/.*\.cpp$", "pugixml", "scenarios/*.cpp"),
    (r"boost/program_options", r"sim/cli/", "Boost.Program_options", "sim/cli/"),
    (r"(cuda|cublas|nvml|nvToolsExt|nvtx3/)", r"validate/", "CUDA", "validate/"),
    (r"nccl", r"validate/", "NCCL", "validate/"),
    # The driver that spreads a search over ranks is the second place of MPI.
    (r"mpi\.h", r"(validate/|sim/cli/mpi/)", "MPI", "validate/ and sim/cli/mpi/"),
    (r"(oneapi/)?tbb/", r"sim/.*\.cpp$", "oneTBB", "sim/*.cpp"),
]

# What libc++ 14 lacks; the core is to be compiled with it.
NOT_IN_LIBCXX_14 = [
    (r"#\s*include\s*<format>|\bstd::(v?format|format_to)\b", "std::format (use fmt)"),
    (r"#\s*include\s*<ranges>|\bstd::(ranges::)?views::", "range views"),
    (r"#\s*include\s*<source_location>|\bstd::source_location\b", "std::source_location"),
    (r"\bstd::(jthread|stop_token)\b", "std::jthread"),
    (r"#\s*include\s*<(syncstream|stacktrace|expected|print|generator)>", "this header"),
]

MAX_LINES = 450
WARN_LINES = 400

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TEST_NAME = re.compile(r'\b(?:TEST_CASE|SCENARIO|TEMPLATE_TEST_CASE)\(\s*"((?:[^"\\]|\\.)*)"\s*(?:,\s*"([^"]*)")?')


def project_files(root):
    """Git's view where there is one (build folders and editors' files are ignored there)."""
    listing = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if listing.returncode == 0 and listing.stdout:
        names = [os.fsdecode(name) for name in listing.stdout.split(b"\0") if name]
        return sorted({n for n in names if os.path.isfile(os.path.join(root, n))})
    found = []
    for folder, folders, files in os.walk(root):
        if folder == root:
            folders[:] = [f for f in folders if f not in ("build", ".git")]
        found += [os.path.relpath(os.path.join(folder, f), root) for f in files]
    return sorted(found)


def without_comments(text):
    """Comments and string literals blanked, line numbers kept."""
    def blank(match):
        token = match.group(0)
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        return token[0] + re.sub(r"[^\n]", " ", token[1:-1]) + token[-1]
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', blank, text, flags=re.S)


def check_include(name, quote, header):
    folder = name.split("/", 1)[0]
    target = header.split("/", 1)[0]
    if folder in ARROWS and target in ARROWS and "/" in header:
        if ARROWS.index(target) > ARROWS.index(folder):
            yield f"{folder}/ must not include {target}/ (arrows: {' <- '.join(ARROWS)})"
        if header.startswith("sim/cli/") and folder == "sim" and not name.startswith("sim/cli/"):
            yield "the libraries must not include the command line (sim/cli/)"
    if folder in ARROWS and target == "tests":
        yield f"{folder}/ must not include tests/"
    if folder in ARROWS and quote == '"' and header.startswith("."):
        yield "include from the repository root, not relatively"
    for pattern, allowed, what, where in HEAVY:
        if quote == "<" or "/" not in header:
            if re.match(pattern, header) and folder in ARROWS and not re.match(allowed, name):
                yield f"{what} only in {where}"


def in_core(name):
    return name.split("/", 1)[0] in ("topology", "strategies", "scenarios", "sim") \
        and not name.startswith("sim/cli/")


def check_source(name, text):
    lines = text.count("\n")
    if lines > MAX_LINES:
        yield lines, f"{lines} lines; a file of more than {WARN_LINES} has two subjects, split it"
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            for breach in check_include(name, match.group(1), match.group(2)):
                yield number, breach
    if in_core(name):
        for number, line in enumerate(without_comments(text).splitlines(), 1):
            for pattern, what in NOT_IN_LIBCXX_14:
                if re.search(pattern, line):
                    yield number, f"the core must compile with libc++ 14, which lacks {what}"
    if name.startswith("tests/"):
        for match in TEST_NAME.finditer(text):
            number = text.count("\n", 0, match.start()) + 1
            if ";" in match.group(1):
                yield number, "a ';' in a test's name splits it in ctest"
            tag = re.search(r"\[(\.|!hide)[^\]]*\]", match.group(2) or "")
            # One that another test of the file starts by its tag, as a rank of a run, is not skipped.
            if tag and text.count(tag.group(0)) < 2:
                yield number, "a hidden test is skipped without a word; use LOCKSTEP_SKIP"


def breaches(root):
    names = project_files(root)
    for top in sorted({name.split("/", 1)[0] for name in names}):
        if top not in TOP_LEVEL and not top.startswith("."):
            yield f"{top}:1: does not belong at the top level"
    for name in names:
        if name.endswith((".cpp", ".hpp")):
            with open(os.path.join(root, name), encoding="utf-8") as file:
                text = file.read()
            for number, breach in check_source(name, text):
                yield f"{name}:{number}: {breach}"
            if WARN_LINES < text.count("\n") <= MAX_LINES:
                print(f"warning: {name}: {text.count(chr(10))} lines", file=sys.stderr)


SELF_TEST = {
    # file: (content, text of the breach or None)
    "topology/good.cpp": ('#include <boost/graph/adjacency_list.hpp>\n// std::format\n', None),
    "sim/good.cpp": ('#include "topology/good.hpp"\nauto s = "std::format";\n', None),
    "sim/cli/good.cpp": ('#include <boost/program_options.hpp>\n#include <format>\n', None),
    "validate/good.cpp": ('#include <nccl.h>\n#include <cuda_runtime.h>\n#include <mpi.h>\n', None),
    "topology/up.cpp": ('#include "strategies/plan.hpp"\n', "topology/ must not include strategies/"),
    "strategies/up.cpp": ('#include "scenarios/a.hpp"\n', "strategies/ must not include scenarios/"),
    "scenarios/up.hpp": ('#include "sim/a.hpp"\n', "scenarios/ must not include sim/"),
    "sim/up.cpp": ('#include "validate/a.hpp"\n', "sim/ must not include validate/"),
    "sim/to_cli.cpp": ('#include "sim/cli/a.hpp"\n', "must not include the command line"),
    "sim/to_tests.cpp": ('#include "tests/catch.hpp"\n', "sim/ must not include tests/"),
    "sim/relative.cpp": ('#include "../topology/a.hpp"\n', "not relatively"),
    "topology/graph.hpp": ('#include <boost/graph/adjacency_list.hpp>\n', "Boost.Graph only in"),
    "sim/graph.cpp": ('#include <boost/graph/adjacency_list.hpp>\n', "Boost.Graph only in"),
    "scenarios/yaml.hpp": ('#include <yaml-cpp/yaml.h>\n', "yaml-cpp only in"),
    "sim/xml.cpp": ('#include <pugixml.hpp>\n', "pugixml only in"),
    "sim/options.cpp": ('# include <boost/program_options.hpp>\n', "Boost.Program_options only in"),
    "sim/cuda.cpp": ('#include <cuda_runtime.h>\n', "CUDA only in"),
    "sim/nccl.cpp": ('#include "nccl.h"\n', "NCCL only in"),
    "sim/mpi.cpp": ('#include <mpi.h>\n', "MPI only in"),
    "sim/cli/mpi/good.cpp": ('#include <mpi.h>\n', None),
    "sim/threads.cpp": ('#include <oneapi/tbb/task_group.h>\n', None),
    "sim/threads.hpp": ('#include <oneapi/tbb/task_group.h>\n', "oneTBB only in"),
    "sim/format.cpp": ('auto a = std::format("{}", 1);\n', "std::format"),
    "sim/views.cpp": ('#include <ranges>\n', "range views"),
    "sim/where.cpp": ('auto w = std::source_location::current();\n', "std::source_location"),
    "sim/thread.cpp": ('std::jthread t;\n', "std::jthread"),
    "sim/long.cpp": ("\n" * (MAX_LINES + 1), "lines"),
    "extra/readme.md": ("x\n", "does not belong at the top level"),
    "tests/unit/names.cpp": ('TEST_CASE("a; b", "[unit]") {}\n', "splits it in ctest"),
    "tests/unit/hidden.cpp": ('TEST_CASE("a",\n "[.slow]") {}\n', "a hidden test"),
    ".dot/file": ("x\n", None),
}


def self_test():
    with tempfile.TemporaryDirectory() as root:
        for name, (content, _) in SELF_TEST.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        found = list(breaches(root))
    wrong = []
    for name, (_, expected) in SELF_TEST.items():
        mine = [line for line in found
                if line.startswith(name + ":") or line.startswith("extra:") and "extra/" in name]
        if expected is None and mine:
            wrong.append(f"unexpected: {mine[0]}")
        elif expected is not None and not any(expected in line for line in mine):
            wrong.append(f"not found: {name}: {expected}")
    return wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        found = self_test()
    elif len(sys.argv) == 2:
        found = list(breaches(sys.argv[1]))
    else:
        sys.exit(__doc__)
    for line in found:
        print(line)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
