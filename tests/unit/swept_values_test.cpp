// --over: a key and its values.
#include "sim/cli/swept_values.hpp"

#include "sim/cli/options.hpp"
#include "tests/catch.hpp"

using namespace lockstep;
using namespace lockstep::cli;

namespace {

using Values = std::vector<std::string>;

Values values(const std::string& text) {
  return swept_axis("key=" + text).values;
}

// What is wrong with the texts, and the hint.
std::string complaint(const std::vector<std::string>& texts) {
  try {
    (void)swept_axes(texts);
  } catch (const UsageError& error) {
    return error.what() + (error.hint().empty() ? "" : " | " + error.hint());
  }
  return {};
}

const std::string ranges =
    "8..64x2 are 8, 16, 32, 64; 8..32+8 are 8, 16, 24, 32; with a unit: 100..400x2 Gb/s";
const std::string example =
    "for example --over cluster.nodes=8,16,32 or --over cluster.nodes=8..64x2";

}  // namespace

TEST_CASE("swept values: a list") {
  const SweepAxis axis = swept_axis("cluster.nodes=8,16, 32");
  CHECK(axis.path == "cluster.nodes");
  CHECK(axis.values == Values{"8", "16", "32"});
  CHECK(values("100 Gb/s, 200 Gb/s") == Values{"100 Gb/s", "200 Gb/s"});
  CHECK(values("dgx-h100,dgx-a100-80gb") == Values{"dgx-h100", "dgx-a100-80gb"});
  CHECK(values("4") == Values{"4"});
}

TEST_CASE("swept values: commas in brackets and quotes belong to a value") {
  CHECK(values("[a, b],[]") == Values{"[a, b]", "[]"});
  CHECK(values("\"a,b\",c") == Values{"\"a,b\"", "c"});
}

TEST_CASE("swept values: ranges by a factor and by a step") {
  CHECK(values("8..64x2") == Values{"8", "16", "32", "64"});
  CHECK(values("8..32+8") == Values{"8", "16", "24", "32"});
  // 3, 6, 12, 24 would go beyond 20.
  CHECK(values("3..20x2") == Values{"3", "6", "12"});
  CHECK(values("0..1+0.25") == Values{"0", "0.25", "0.5", "0.75", "1"});
  // Ten steps of a tenth reach 1 although binary fractions do not quite.
  CHECK(values("0.1..1+0.1").size() == 10);
  CHECK(values("0.1..1+0.1").back() == "1");
  CHECK(values("1,2,4..16x2") == Values{"1", "2", "4", "8", "16"});
  CHECK(values("5..5x2") == Values{"5"});
}

TEST_CASE("swept values: a range has its unit anywhere") {
  const Values rates{"100 Gb/s", "200 Gb/s", "400 Gb/s"};
  CHECK(values("100..400x2 Gb/s") == rates);
  CHECK(values("100 Gb/s..400 Gb/s x2") == rates);
  CHECK(values("100..400 Gb/s x2") == rates);
  CHECK(values("40..80+20 GiB") == Values{"40 GiB", "60 GiB", "80 GiB"});
}

TEST_CASE("swept values: a path of a file is no range") {
  CHECK(values("../node.yaml,./other.yaml") == Values{"../node.yaml", "./other.yaml"});
}

TEST_CASE("swept values: what is none") {
  CHECK(complaint({}) == "sweep needs a key and its values: --over PATH=VALUES | " + example);
  CHECK(complaint({"cluster.nodes"}) ==
        "--over cluster.nodes is not of the form path=values | " + example);
  CHECK(complaint({"=8"}) == "--over =8 is not of the form path=values | " + example);
  CHECK(complaint({"a=8,,16"}) == "--over a=8,,16 lacks a value | " + example);
  CHECK(complaint({"a="}) == "--over a= lacks a value | " + example);
  CHECK(complaint({"a=8,16,8"}) == "--over a has the value 8 twice");
  CHECK(complaint({"a=8..64"}) == "--over: '8..64' is no range | " + ranges);
  CHECK(complaint({"a=8..x2"}) == "--over: '8..x2' is no range | " + ranges);
  CHECK(complaint({"a=8 GB/s..64 Gb/s x2"}) ==
        "--over: '8 GB/s..64 Gb/s x2' is no range | " + ranges);
  CHECK(complaint({"a=8..64x1"}) == "--over: the range '8..64x1' does not grow | " + ranges);
  CHECK(complaint({"a=0..64x2"}) == "--over: the range '0..64x2' does not grow | " + ranges);
  CHECK(complaint({"a=8..64+0"}) == "--over: the range '8..64+0' does not grow | " + ranges);
  CHECK(complaint({"a=64..8x2"}) == "--over: the range '64..8x2' does not grow | " + ranges);
}

TEST_CASE("swept values: how many there may be") {
  CHECK(complaint({"a=1", "b=2", "c=3"}) == "--over was given 3 times: at most two make a grid");
  CHECK(complaint({"a=1", "a=2"}) ==
        "--over a was given twice | one list holds all values of a key");
  // 1000 points are, 1001 are not; 40 x 26 = 1040.
  CHECK(complaint({"a=1..1000+1"}).empty());
  CHECK(complaint({"a=1..1001+1"}) ==
        "the sweep has more than 1000 points | take fewer values, or larger steps");
  CHECK(complaint({"a=1..40+1", "b=1..26+1"}) ==
        "the sweep has more than 1000 points | take fewer values, or larger steps");
  CHECK(complaint({"a=1..1000000000+1"}) ==
        "the sweep has more than 1000 points | take fewer values, or larger steps");
}
