#!/usr/bin/python3
"""schema_test.py PROGRAM SOURCE: every bundled scenario satisfies the JSON Schema that `PROGRAM
schema` prints, and scenarios with one mistake each do not. Ends with 77 (skipped) where Debian's
python3-jsonschema or python3-yaml is missing."""

import copy
import glob
import json
import os
import subprocess
import sys

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(f"SKIPPED: {error}; install python3-jsonschema and python3-yaml")
    sys.exit(77)


def mistakes(scenario):
    """(what, a copy of the scenario with that mistake)"""
    def changed(change):
        other = copy.deepcopy(scenario)
        change(other)
        return other

    yield "an unknown top-level key", changed(lambda s: s.update(modle="x"))
    yield "an unknown key in a plan", changed(lambda s: s["plans"][0].update(tensr=8))
    yield "an unknown key in training", changed(lambda s: s["training"].update(sequence=1))
    yield "an unknown key in cluster", changed(lambda s: s["cluster"].update(node=1))
    yield "no model", changed(lambda s: s.pop("model"))
    yield "plans that are no list", changed(lambda s: s.update(plans=3))
    yield "a degree that is a word", changed(lambda s: s["plans"][0].update(tensor="eight"))
    yield "neither plans nor a search", changed(lambda s: (s.pop("plans"), s.pop("search", 0)))
    yield "a search for an unknown key", changed(lambda s: s.update(search={"tensr": 8}))
    yield "a range without its end", changed(lambda s: s.update(search={"tensor": "2.."}))
    yield "a constraint on nothing", changed(lambda s: s.update(search={"constraints": ["x <= 1"]}))
    yield "a price without its day", changed(lambda s: s.update(price={"per_gpu_hour": 2}))
    yield "an unknown sharding", changed(lambda s: s["plans"][0].update(sharding="zero-9"))


def main():
    program, source = sys.argv[1:]
    printed = subprocess.run([program, "schema"], stdout=subprocess.PIPE, check=True).stdout
    schema = json.loads(printed)
    validator_type = jsonschema.validators.validator_for(schema)
    validator_type.check_schema(schema)
    validator = validator_type(schema)

    failures = []
    searched = {"lockstep": 1, "model": "gpt3-175b", "cluster": {"system": "dgx-h100"},
                "training": {"sequence_length": 2048, "global_batch": 64},
                "price": {"per_gpu_hour": 2.5, "date": "2026-11-01"},
                "search": {"objective": "gpus_for_deadline", "deadline": "30 d", "tensor": 8,
                           "stages": "2..8", "micro_batch": [1, 2, "4..8"],
                           "sequence_parallel": True, "offload_optimizer": [0, 0.5],
                           "offload_weights": "0..50 %", "recompute_parts": ["software", "norms+mlp"],
                           "prefetch": "software", "constraints": ["P(fits) >= 90 %"],
                           "forbid": "context", "memory_headroom": "4 GiB", "top": 20}}
    failures += [f"a search: {error.json_path}: {error.message}" for error in validator.iter_errors(searched)]
    # Files that editors read: a copy that is out of date would mislead them.
    for copy_of_schema in glob.glob(os.path.join(source, "scenarios", "schema", "scenario.schema.json")):
        with open(copy_of_schema, "rb") as file:
            if file.read() != printed:
                failures.append(f"{copy_of_schema} is not what `lockstep schema` prints")

    files = sorted(glob.glob(os.path.join(source, "scenarios", "*.yaml")))
    if not files:
        failures.append("there is no scenario")
    for path in files:
        with open(path, encoding="utf-8") as file:
            scenario = yaml.safe_load(file)
        for error in validator.iter_errors(scenario):
            failures.append(f"{os.path.basename(path)}: {error.json_path}: {error.message}")
        for what, wrong in mistakes(scenario):
            if validator.is_valid(wrong):
                failures.append(f"{os.path.basename(path)}: the schema accepts {what}")

    print("\n".join(failures) or f"{len(files)} scenarios satisfy the schema")
    sys.exit(1 if failures else 0)


main()
