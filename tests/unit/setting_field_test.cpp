// What a path of --set or --over leads to.
#include "scenarios/setting_field.hpp"

#include "tests/catch.hpp"

using namespace lockstep;

namespace {

bool is_number(const std::string& path, Dimension dimension) {
  const std::optional<SettingField> field = setting_field(path);
  return field && field->number && field->dimension == dimension;
}

bool is_name(const std::string& path) {
  const std::optional<SettingField> field = setting_field(path);
  return field && !field->number;
}

}  // namespace

TEST_CASE("setting field: numbers of the scenario, with what they measure") {
  CHECK(is_number("cluster.nodes", Dimension::none));
  CHECK(is_number("training.global_batch", Dimension::none));
  CHECK(is_number("training.dropout", Dimension::none));
  CHECK(is_number("cluster.system.nic_bandwidth", Dimension::bytes_per_second));
  CHECK(is_number("cluster.system.gpu.memory_capacity", Dimension::bytes));
  CHECK(is_number("plans.any-name.micro_batch", Dimension::none));
  CHECK(is_number("plans.any-name.pipeline.stages", Dimension::none));
  CHECK(is_number("plans.any-name.cluster.nodes", Dimension::none));
  CHECK(is_number("software.data_exposed", Dimension::none));
}

TEST_CASE("setting field: numbers of the catalog, whose entries may have dots in their names") {
  CHECK(is_number("gpus.h100-sxm-80gb.memory_bandwidth", Dimension::bytes_per_second));
  CHECK(is_number("gpus.h100-sxm-80gb.peak_bf16", Dimension::flops_per_second));
  CHECK(is_number("models.llama3.1-405b.layers", Dimension::none));
  CHECK(is_number("software.megatron-core.data_exposed", Dimension::none));
  CHECK(is_number("systems.dgx-h100.nic_bandwidth", Dimension::bytes_per_second));
}

TEST_CASE("setting field: parts of a constant") {
  CHECK(is_number("gpus.h100-sxm-80gb.memory_bandwidth.value", Dimension::bytes_per_second));
  CHECK(is_number("gpus.h100-sxm-80gb.memory_bandwidth.spread", Dimension::none));
  CHECK_FALSE(setting_field("gpus.h100-sxm-80gb.memory_bandwidth.source"));
}

TEST_CASE("setting field: names and switches") {
  CHECK(is_name("cluster.system"));
  CHECK(is_name("cluster.fabric.type"));
  CHECK(is_name("model"));
  CHECK(is_name("plans.p.sequence_parallel"));
  CHECK(is_name("plans.p.recompute"));
}

TEST_CASE("setting field: maps, lists and nothing at all") {
  for (const char* path :
       {"cluster", "training", "plans", "plans.p", "plans.p.pipeline", "cluster.failed",
        "cluster.nodez", "gpus.h100-sxm-80gb", "gpus", "", ".", "cluster.", "nonsense.x"}) {
    CAPTURE(path);
    CHECK_FALSE(setting_field(path));
  }
}

TEST_CASE("setting field: values in base units") {
  // 400 Gb/s are 400e9 / 8 bytes a second.
  CHECK(setting_number(*setting_field("cluster.system.nic_bandwidth"), "400 Gb/s") == 50e9);
  CHECK(setting_number(*setting_field("cluster.nodes"), "8") == 8.0);
  CHECK(setting_number(*setting_field("training.dropout"), "10 %") == Approx(0.1));
  CHECK_FALSE(setting_number(*setting_field("cluster.nodes"), "eight"));
  CHECK_FALSE(setting_number(*setting_field("cluster.system"), "8"));
}
