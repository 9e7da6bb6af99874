// The scenario at every point of a sweep: what follows the swept values, what is a row, what an
// error.
#include "sim/sweep.hpp"
#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

class Files {
 public:
  explicit Files(const std::string& yaml) : file_(folder_.write("s.yaml", yaml)) {}

  [[nodiscard]] SweepInput load(const SweepRequest& request,
                                std::vector<Setting> settings = {}) const {
    return load_sweep(file_, catalog_.with(std::move(settings)), request);
  }
  [[nodiscard]] std::string complaint(const SweepRequest& request) const {
    try {
      (void)load(request);
    } catch (const InputError& error) {
      std::string text = catalog_.anonymous(error.what());
      const std::string path = file_.string();
      for (std::size_t at = text.find(path); at != std::string::npos; at = text.find(path)) {
        text.replace(at, path.size(), "s.yaml");
      }
      return text;
    }
    return {};
  }

 private:
  TestCatalog catalog_;
  TemporaryFolder folder_;
  std::filesystem::path file_;
};

SweepRequest over(const std::string& path, std::vector<std::string> values) {
  SweepRequest request;
  request.axes = {{path, std::move(values)}};
  return request;
}

}  // namespace

TEST_CASE("sweep load: each point is the scenario with that setting, the first axis outermost") {
  const Files files(good_scenario);
  SweepRequest request = over("cluster.nodes", {"1", "4"});
  request.axes.push_back({"model.layers", {"8", "24"}});
  const SweepInput input = files.load(request, {{"training.dropout", "10 %"}});
  CHECK(input.base.cluster.gpus == 16);
  REQUIRE(input.points.size() == 4);
  const std::vector<std::vector<std::string>> expected{
      {"1", "8"}, {"1", "24"}, {"4", "8"}, {"4", "24"}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const SweepScenario& point = input.points[i];
    CHECK(point.values == expected[i]);
    REQUIRE(point.scenario);
    CHECK(point.scenario->cluster.nodes == std::stoi(expected[i][0]));
    CHECK(point.gpus == 8 * std::stoi(expected[i][0]));
    CHECK(point.scenario->model.layers == std::stoi(expected[i][1]));
    CHECK(point.scenario->training.dropout == Approx(0.1));
    CHECK(point.data_follows.empty());
  }
}

TEST_CASE("sweep load: a data degree that the file states follows the GPUs") {
  // On 16 GPUs dp states 16; on 32 it would leave half of them idle.
  const Files files(replaced(good_scenario, "  - name: dp\n", "  - name: dp\n    data: 16\n"));
  const SweepInput input = files.load(over("cluster.nodes", {"2", "4"}));
  CHECK(input.points[0].scenario->plans[0].plan.data == 16);
  CHECK(input.points[0].data_follows.empty());
  CHECK(input.points[1].scenario->plans[0].plan.data == 32);
  CHECK(input.points[1].scenario->plans[0].problems.empty());
  CHECK(input.points[1].data_follows == std::vector<std::string>{"dp"});
}

TEST_CASE("sweep load: a data degree that is wrong in the file, or swept itself, stays") {
  const Files wrong(replaced(good_scenario, "  - name: dp\n", "  - name: dp\n    data: 3\n"));
  const SweepInput input = wrong.load(over("cluster.nodes", {"4"}));
  CHECK(input.points[0].scenario->plans[0].plan.data == 3);
  CHECK(input.points[0].scenario->plans[0].not_legal.find("data 3 x tensor 1") !=
        std::string::npos);

  const Files good(good_scenario);
  const SweepInput swept = good.load(over("plans.dp.data", {"16", "8"}));
  CHECK(swept.points[0].scenario->plans[0].problems.empty());
  CHECK(swept.points[1].scenario->plans[0].plan.data == 8);
  CHECK_FALSE(swept.points[1].scenario->plans[0].problems.empty());
}

TEST_CASE("sweep load: a plan that the GPUs do not fit is kept with its reason") {
  // tensor 8 on the 4 GPUs of half a node.
  const Files files(good_scenario);
  SweepRequest request = over("cluster.gpus", {"4", "8"});
  const SweepInput input = files.load(request, {{"cluster.nodes", "1"}});
  REQUIRE(input.points[0].scenario);
  CHECK(input.points[0].scenario->plans[0].problems.empty());
  CHECK(input.points[0].scenario->plans[1].not_legal.find("but the cluster has 4 GPUs") !=
        std::string::npos);
  CHECK(input.points[1].scenario->plans[1].problems.empty());
}

TEST_CASE("sweep load: weak scaling keeps the sequences of each GPU") {
  // 64 sequences on 16 GPUs are 4 each.
  const Files files(good_scenario);
  SweepRequest request = over("cluster.nodes", {"1", "2", "8"});
  request.weak = true;
  const SweepInput input = files.load(request);
  CHECK(input.points[0].scenario->training.global_batch == 32);
  CHECK(input.points[1].scenario->training.global_batch == 64);
  CHECK(input.points[2].scenario->training.global_batch == 256);
}

TEST_CASE("sweep load: a batch that is no whole number is a row that says so") {
  // 50 sequences on 16 GPUs are 3.125 each: 25 on 8, 75 on 24, but 12.5 on 4.
  const Files files(replaced(good_scenario, "global_batch: 64", "global_batch: 50"));
  SweepRequest request = over("cluster.gpus", {"4", "8"});
  request.weak = true;
  request.axes.push_back({"cluster.nodes", {"1"}});
  const SweepInput input = files.load(request);
  CHECK_FALSE(input.points[0].scenario);
  CHECK(input.points[0].gpus == 4);
  CHECK(input.points[0].problem ==
        "the global batch would be 12.5 sequences: 50 on 16 GPUs are 3.125 for each");
  REQUIRE(input.points[1].scenario);
  CHECK(input.points[1].scenario->training.global_batch == 25);
}

TEST_CASE("sweep load: what the scenario as a whole breaks at a point is a row") {
  // 16 GPUs in use: one node has 8, and of four nodes two would stay idle.
  const Files files(replaced(good_scenario, "nodes: 2", "nodes: 2, gpus: 16"));
  const SweepInput input = files.load(over("cluster.nodes", {"1", "2", "4"}));
  CHECK(input.points[0].problem == "16 GPUs, but 1 node of 8 have 8");
  CHECK(input.points[1].problem.empty());
  CHECK(input.points[2].problem == "16 GPUs do not reach into all of 4 nodes of 8");
}

TEST_CASE("sweep load: what it breaks at every point is an error of each") {
  const Files files(replaced(good_scenario, "nodes: 2", "nodes: 2, gpus: 16"));
  CHECK(files.complaint(over("cluster.nodes", {"1", "8"})) ==
        "s.yaml:3:40: error[E454]: at cluster.nodes=1: 16 GPUs, but 1 node of 8 have 8\n"
        "    3 | cluster: {system: box, nodes: 2, gpus: 16}\n"
        "      |                                        ^~\n"
        "      = hint: set nodes: 2 or fewer gpus\n"
        "s.yaml:3:40: error[E454]: at cluster.nodes=8: 16 GPUs do not reach into all of 8 nodes of "
        "8\n"
        "    3 | cluster: {system: box, nodes: 2, gpus: 16}\n"
        "      |                                        ^~\n"
        "      = hint: GPUs fill node by node: set nodes: 2\n");
}

TEST_CASE("sweep load: a value that does not parse is an error, whatever the other points are") {
  const Files files(good_scenario);
  CHECK(files.complaint(over("cluster.nodes", {"2", "two"})) ==
        "--over: error[E206]: 'nodes' must be a whole number, not 'two'\n"
        "      | cluster.nodes=two\n"
        "      |               ^~~\n"
        "      = hint: write digits only, such as 64\n");
}

TEST_CASE("sweep load: an error of a value is told once on a grid") {
  const Files files(good_scenario);
  SweepRequest request = over("cluster.nodes", {"two"});
  request.axes.push_back({"model.layers", {"8", "16"}});
  CHECK(files.complaint(request) ==
        "--over: error[E206]: 'nodes' must be a whole number, not 'two'\n"
        "      | cluster.nodes=two\n"
        "      |               ^~~\n"
        "      = hint: write digits only, such as 64\n");
}

TEST_CASE("sweep load: a path that leads nowhere") {
  const Files files(good_scenario);
  CHECK(files.complaint(over("cluster.nodez", {"2"})) ==
        "--over: error[E201]: unknown key 'nodez' in 'cluster'\n"
        "      | cluster.nodez=2\n"
        "      |         ^~~~~\n"
        "      = hint: did you mean 'nodes'?\n");
  CHECK(files.complaint(over("plans.pd.tensor", {"2"})) ==
        "--over: error[E303]: the scenario has no plan 'pd'\n"
        "      | plans.pd.tensor=2\n"
        "      |       ^~\n"
        "      = hint: did you mean 'dp'? plans: dp, tp\n");
}

TEST_CASE("sweep load: what is wrong without the sweep is told without a point") {
  const Files files(replaced(good_scenario, "model: small", "model: smal"));
  CHECK(files.complaint(over("cluster.nodes", {"2", "4"})) ==
        "s.yaml:2:8: error[E301]: the catalog has no model 'smal'\n"
        "    2 | model: smal\n"
        "      |        ^~~~\n"
        "      = hint: did you mean 'small'? models: small, small-1.5\n");
}
