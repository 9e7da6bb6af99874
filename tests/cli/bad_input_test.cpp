// Does every bad input end with exit code 3, nothing on stdout and a message that names the file and the way out?
#include <fmt/format.h>

#include "tests/catch.hpp"
#include "tests/cli/process.hpp"

using namespace lockstep::test;

namespace {

// A sound scenario; tests spoil one thing of it.
struct Parts {
  std::string head = "lockstep: 1\nname: test\n";
  std::string model = "model: llama2-7b\n";
  std::string cluster = "cluster: {system: dgx-h100, nodes: 1}\n";
  std::string training = "training: {sequence_length: 4096, global_batch: 64, precision: bf16, optimizer: adamw}\n";
  std::string software = "software: megatron-core\n";
  std::string plan = "{name: a, sharding: optimizer}";
  [[nodiscard]] std::string text() const {
    return head + model + cluster + training + software + "plans:\n  - " + plan + "\n";
  }
};

// The message of `lockstep compare` on this text; checks exit code, stdout and where the message points.
std::string complaint(const std::string& text, const std::vector<std::string>& more = {}) {
  const TemporaryFolder folder;
  const std::string file = folder.file("bad.yaml", text);
  std::vector<std::string> words{"compare", file};
  words.insert(words.end(), more.begin(), more.end());
  const Finished finished = run_lockstep(words);
  CAPTURE(text.substr(0, 400), finished.err.substr(0, 2000));
  CHECK(finished.code == 3);
  CHECK(finished.out.empty());
  CHECK_THAT(finished.err, Matchers::Contains("error[E"));
  if (more.empty()) CHECK_THAT(finished.err, Matchers::Contains(file));
  CHECK(finished.err.find('\0') == std::string::npos);
  CHECK(finished.err.size() < 100000);
  return finished.err;
}

}  // namespace

TEST_CASE("the scenario that the others spoil is sound", "[cli]") {
  const TemporaryFolder folder;
  const Finished finished = run_lockstep({"compare", folder.file("good.yaml", Parts{}.text())});
  CHECK(finished.err.empty());
  CHECK(finished.code == 0);
}

TEST_CASE("files that are no scenario", "[cli]") {
  complaint("");
  complaint("\n# only a comment\n");
  complaint("just text\n");
  complaint("[1, 2, 3]\n");
  complaint(std::string("\x7f\x45\x4c\x46\0\x01\x02\xff\xfe", 9));
  complaint(std::string("\xff\xfe", 2));
  complaint(std::string(20000, '['));
  complaint(std::string(20000, '[') + std::string(20000, ']'));
  complaint(std::string(20000, '{'));
  complaint(Parts{}.text() + "---\n" + Parts{}.text());
  const Finished missing = run_lockstep({"compare", "/nonexistent/x.yaml"});
  CHECK(missing.code == 3);
  CHECK_THAT(missing.err, Matchers::Contains("/nonexistent/x.yaml"));
  CHECK(run_lockstep({"compare", "/"}).code == 3);
  CHECK(run_lockstep({"compare", bundled("x.yaml"), "--catalog", "/nonexistent"}).code == 3);
}

TEST_CASE("keys: unknown with the nearest, duplicate, missing", "[cli]") {
  Parts parts;
  parts.training = "training: {sequence_lenght: 4096, global_batch: 64, precision: bf16, optimizer: adamw}\n";
  CHECK_THAT(complaint(parts.text()), Matchers::Contains("sequence_lenght") && Matchers::Contains("sequence_length"));
  parts = {};
  parts.head += "name: again\n";
  CHECK_THAT(complaint(parts.text()), Matchers::Contains("name"));
  parts = {};
  parts.model.clear();
  CHECK_THAT(complaint(parts.text()), Matchers::Contains("model"));
}

TEST_CASE("numbers: not finite, negative, zero, huge, fractions, octal", "[cli]") {
  for (const char* value : {".nan", ".inf", "-1", "0", "1.5", "99999999999999999999", "9223372036854775807", "1e30",
                            "010", "0x10", "many", "''", "[1]", "64 GB"}) {
    CAPTURE(value);
    Parts parts;
    parts.training = fmt::format(
        "training: {{sequence_length: 4096, global_batch: {}, precision: bf16, optimizer: adamw}}\n", value);
    CHECK_THAT(complaint(parts.text()), Matchers::Contains("global_batch"));
  }
  for (const char* key : {"tensor", "micro_batch", "data"}) {
    for (const char* value : {"-2", ".nan", "1000000000000000"}) {
      CAPTURE(key, value);
      Parts parts;
      parts.plan = fmt::format("{{name: a, {}: {}}}", key, value);
      complaint(parts.text());
    }
  }
}

TEST_CASE("units: missing, wrong dimension, bits against bytes", "[cli]") {
  const auto nic = [](const std::string& value) {
    return complaint(Parts{}.text(), {"--set", "cluster.system.nic_bandwidth=" + value});
  };
  CHECK_THAT(nic("400"), Matchers::Contains("unit") && Matchers::Contains("400 Gb/s"));
  CHECK_THAT(nic("400 Gb"), Matchers::Contains("Gb"));
  CHECK_THAT(nic("400 GiB"), Matchers::Contains("hint"));
  CHECK_THAT(nic("-400 Gb/s"), Matchers::Contains("nic_bandwidth"));
  CHECK_THAT(nic("nan"), Matchers::Contains("nic_bandwidth"));
}

TEST_CASE("names that are not in the catalog: the nearest is named", "[cli]") {
  Parts parts;
  parts.model = "model: llama2-7\n";
  CHECK_THAT(complaint(parts.text()), Matchers::Contains("llama2-7b"));
  parts = {};
  parts.cluster = "cluster: {system: dgx-h10, nodes: 1}\n";
  CHECK_THAT(complaint(parts.text()), Matchers::Contains("dgx-h100"));
  parts = {};
  parts.software = "software: megatron-cor\n";
  CHECK_THAT(complaint(parts.text()), Matchers::Contains("megatron-core"));
  parts = {};
  parts.model = "model: ../../etc/passwd\n";
  complaint(parts.text());
}

TEST_CASE("plans that break a rule say which and how to mend it", "[cli]") {
  const auto plan = [](const std::string& text) {
    Parts parts;
    parts.plan = text;
    return complaint(parts.text());
  };
  CHECK_THAT(plan("{name: a, data: 3, tensor: 2}"), Matchers::Contains("E401") && Matchers::Contains("8 GPUs"));
  CHECK_THAT(plan("{name: a, tensor: 3, data: 1}"), Matchers::Contains("32 attention heads"));
  CHECK_THAT(plan("{name: a, pipeline: {stages: 8, interleave: 3}}"), Matchers::Contains("layers"));
  CHECK_THAT(plan("{name: a, micro_batch: 3}"), Matchers::Contains("global batch 64"));
  CHECK_THAT(plan("{name: a, pipeline: {stages: 2, schedule: 1f1bb}}"), Matchers::Contains("1f1b"));
  CHECK_THAT(plan("{name: a, sequence_parallel: true}"), Matchers::Contains("sequence"));
}

TEST_CASE("settings: a path that is not there", "[cli]") {
  CHECK_THAT(complaint(Parts{}.text(), {"--set", "training.global_bach=64"}), Matchers::Contains("global_batch"));
  complaint(Parts{}.text(), {"--set", "nothing.like.this=1"});
  complaint(Parts{}.text(), {"--set", "training.global_batch="});
}

TEST_CASE("one illegal plan among others: a row of its own, no obstacle", "[cli]") {
  const std::string text = Parts{}.text() + "  - {name: three, tensor: 3}\n";
  const TemporaryFolder folder;
  const std::string file = folder.file("mixed.yaml", text);
  const Finished compared = run_lockstep({"compare", file});
  CHECK(compared.code == 0);
  CHECK(compared.err.empty());
  CHECK_THAT(compared.out, Matchers::Contains("three is not legal: ") &&
                               Matchers::Contains("32 attention heads do not divide by tensor 3"));
  const Finished sound = run_lockstep({"simulate", file, "--plan", "a"});
  CHECK(sound.code == 0);
  CHECK(sound.err.empty());
  const Finished illegal = run_lockstep({"simulate", file, "--plan", "three"});
  CHECK(illegal.code == 3);
  CHECK(illegal.out.empty());
  CHECK_THAT(illegal.err, Matchers::Contains("error[E402]") && Matchers::Contains(file + ":9:"));
  // A mistake of the text is one for every plan; so is a name that two plans share where all are shown.
  const std::string broken = folder.file("broken.yaml", text + "  - {name: c, tensr: 2}\n");
  CHECK(run_lockstep({"simulate", broken, "--plan", "a"}).code == 3);
  const std::string twice = folder.file("twice.yaml", text + "  - {name: three}\n");
  CHECK(run_lockstep({"compare", twice}).code == 3);
  CHECK(run_lockstep({"simulate", twice, "--plan", "a"}).code == 0);
  CHECK(run_lockstep({"simulate", twice, "--plan", "three"}).code == 3);
}

TEST_CASE("a setting of the scenario's software says which plans it does not reach", "[cli]") {
  const TemporaryFolder folder;
  const std::string file =
      folder.file("own.yaml", Parts{}.text() + "  - {name: b, software: nemo, sharding: optimizer}\n"
                              "  - {name: c, software: nemo, sharding: optimizer}\n");
  const std::vector<std::string> setting{"--set", "software.data_exposed=0.5"};
  const auto note = [&](std::vector<std::string> words) {
    words.insert(words.end(), setting.begin(), setting.end());
    const Finished finished = run_lockstep(words);
    CHECK(finished.code == 0);
    return finished.err;
  };
  CHECK(note({"compare", file}) ==
        "lockstep: note: --set software.data_exposed: plans b, c have their own software and are not affected\n");
  CHECK(note({"simulate", file, "--plan", "c"}) ==
        "lockstep: note: --set software.data_exposed: plan c has its own software and is not affected\n");
  CHECK(note({"simulate", file, "--plan", "a"}).empty());
}
