// What may be written about a search, in a file or in a flag, and what is answered to the rest.
#include "scenarios/search_text.hpp"

#include <functional>

#include "tests/catch.hpp"

using namespace lockstep;

namespace {

// "code: message | hint" of what a reader throws; "" if it reads.
std::string refusal(const std::function<void(SearchRequest&)>& read) {
  SearchRequest request;
  try {
    read(request);
  } catch (const RequestError& error) {
    return error.code() + ": " + error.what() + " | " + error.hint();
  }
  return {};
}

std::string of_constraint(const std::string& text) {
  return refusal([&](SearchRequest& request) { add_constraint(request, text); });
}

std::string of_limit(const std::string& text) {
  return refusal([&](SearchRequest& request) { set_limit(request, text); });
}

constexpr const char* dimension_list =
    "nodes, data, tensor, context, context_method, expert, expert_tensor, stages, interleave, "
    "schedule, sharding, shard_group, sequence_parallel, micro_batch, recompute, recompute_every, "
    "recompute_parts, offload_optimizer, offload_weights, offload_activations, tensor_overlap, "
    "reshard_after_forward, prefetch, placement";
constexpr const char* measure_list =
    "peak_memory, P(fits), step_time, tokens_per_s_per_gpu, mfu, gpus, days, cost, "
    "host_memory";
constexpr const char* constraint_example = "write it like peak_memory <= 70 GiB, or P(fits) >= 0.9";

}  // namespace

TEST_CASE("search text: every dimension has a key and a sentence about it") {
  std::string keys;
  for (const SearchDimension& one : search_dimensions()) {
    keys += (keys.empty() ? "" : ", ") + std::string(one.key);
    INFO(one.key);
    CHECK(std::string(one.doc).size() > 10);
    CHECK((one.kind == DimensionKind::choice) ==
          (!one.choices.empty() && std::string(one.key) != "prefetch"));
  }
  CHECK(keys == dimension_list);
  CHECK(find_search_dimension("tensor")->kind == DimensionKind::count);
  CHECK(find_search_dimension("placement")->choices.size() == 30);  // 3! orders without cp, 4! with
  CHECK(find_search_dimension("tp") == nullptr);
}

TEST_CASE("search text: what nothing limits may be anything") {
  const SearchRequest request;
  CHECK(request.limit("tensor") == nullptr);
  CHECK(request.allows("tensor", 7.0));
  CHECK(request.allows("recompute", "full"));
  CHECK_FALSE(request.forbids("offload"));
}

TEST_CASE("search text: one value, a list and a range") {
  SearchRequest request;
  set_limit(request, "tensor=8");
  CHECK(request.allows("tensor", 8.0));
  CHECK_FALSE(request.allows("tensor", 4.0));
  set_limit(request, " tensor = 1, 2 , 4..8");  // in place of the 8
  CHECK(request.limits.size() == 1);
  CHECK(request.allows("tensor", 2.0));
  CHECK(request.allows("tensor", 5.0));
  CHECK_FALSE(request.allows("tensor", 3.0));
  add_limit(request, *find_search_dimension("tensor"), "16");  // besides
  CHECK(request.allows("tensor", 16.0));
  CHECK(request.allows("tensor", 1.0));
  set_limit(request, "shard_group=0");
  CHECK(request.allows("shard_group", 0.0));
  CHECK_FALSE(request.allows("shard_group", 8.0));
}

TEST_CASE("search text: names and shares") {
  SearchRequest request;
  set_limit(request, "recompute=selective,full");
  CHECK(request.allows("recompute", "full"));
  CHECK_FALSE(request.allows("recompute", "none"));
  set_limit(request, "sequence_parallel=true");
  CHECK(request.allows("sequence_parallel", "true"));
  CHECK_FALSE(request.allows("sequence_parallel", "false"));
  set_limit(request, "offload_optimizer=0..50 %");
  CHECK(request.allows("offload_optimizer", 0.5));
  CHECK_FALSE(request.allows("offload_optimizer", 0.51));
  set_limit(request, "schedule=1f1b,zb-h1");
  CHECK(request.allows("schedule", "zb-h1"));
  CHECK_FALSE(request.allows("schedule", "gpipe"));
}

TEST_CASE("search text: prefetch takes a count or the software's") {
  SearchRequest request;
  set_limit(request, "prefetch=software,1..2");
  CHECK(request.allows("prefetch", "software"));
  CHECK(request.allows("prefetch", -1.0));  // as a plan writes it
  CHECK(request.allows("prefetch", 2.0));
  CHECK_FALSE(request.allows("prefetch", 0.0));
}

TEST_CASE("search text: two names of one placement are one") {
  SearchRequest request;
  set_limit(request, "placement=tp-dp-pp");  // cp left out stands inside dp
  CHECK(request.allows("placement", "tp-cp-dp-pp"));
  CHECK_FALSE(request.allows("placement", "tp-dp-cp-pp"));
}

TEST_CASE("search text: parts that recompute may be joined") {
  SearchRequest request;
  set_limit(request, "recompute_parts=software, norms+mlp");
  CHECK(request.allows("recompute_parts", "software"));
  CHECK(request.allows("recompute_parts", "norms+mlp"));
  CHECK_FALSE(request.allows("recompute_parts", "norms"));
  CHECK(of_limit("recompute_parts=norms+mpl").substr(0, 55) ==
        "E207: 'recompute_parts' can't be 'norms+mpl' | one of: ");
}

TEST_CASE("search text: limits that mean nothing") {
  CHECK(of_limit("tensor") ==
        "E206: 'tensor' limits nothing | write it like tensor=8, tensor=2..8 or "
        "recompute=none,selective");
  CHECK(of_limit("tensr=8") ==
        std::string("E207: a search does not vary 'tensr' | did you mean 'tensor'? One of: ") +
            dimension_list);
  CHECK(of_limit("pp=8") ==
        std::string("E207: a search does not vary 'pp' | did you mean 'stages'? One of: ") +
            dimension_list);
  CHECK(of_limit("flavour=8") ==
        std::string("E207: a search does not vary 'flavour' | one of: ") + dimension_list);
  CHECK(of_limit("tensor=") == "E208: 'tensor' has no value | give it one, or remove the key");
  CHECK(of_limit("tensor=2,,4") == "E208: 'tensor' has no value | give it one, or remove the key");
  CHECK(of_limit("tensor=0") == "E205: 'tensor' must be from 1 to 100000000, not 0 | ");
  CHECK(of_limit("tensor=eight") ==
        "E206: 'tensor' must be a whole number, not 'eight' | write it like 8, 2..8 or [1, 2, 4]");
  CHECK(of_limit("tensor=8..2") == "E205: 'tensor' has the empty range 8..2 | write 2..8");
  CHECK(of_limit("sharding=zero") ==
        "E207: 'sharding' can't be 'zero' | one of: none, optimizer, gradients, fsdp");
  CHECK(of_limit("recompute=ful") ==
        "E207: 'recompute' can't be 'ful' | did you mean 'full'? One of: none, selective, full");
  CHECK(of_limit("offload_weights=50") ==
        "E205: 'offload_weights' must be at least 0 and at most 1, not 50 | \"50 %\"?");
}

TEST_CASE("search text: a limit that fails leaves the request as it was") {
  SearchRequest request;
  set_limit(request, "tensor=8");
  CHECK_THROWS_AS(set_limit(request, "tensor=1,x"), RequestError);
  CHECK(request.allows("tensor", 8.0));
  CHECK_FALSE(request.allows("tensor", 1.0));
}

TEST_CASE("search text: constraints in base units") {
  const Constraint memory = parse_constraint("peak_memory <= 70 GiB");
  CHECK(memory.measure == Measure::peak_memory);
  CHECK(memory.at_most);
  CHECK(memory.bound == 70.0 * 1024 * 1024 * 1024);
  CHECK(memory.text == "peak_memory <= 70 GiB");
  const Constraint fits = parse_constraint("  P(fits)>=90 %");
  CHECK(fits.measure == Measure::fit_probability);
  CHECK_FALSE(fits.at_most);
  CHECK(fits.bound == 0.9);
  CHECK(fits.text == "P(fits)>=90 %");
  CHECK(parse_constraint("step_time < 1.5 min").bound == 90.0);
  CHECK(parse_constraint("tokens_per_s_per_gpu > 800").bound == 800.0);
  CHECK(parse_constraint("mfu >= 0.4").measure == Measure::mfu);
  CHECK(parse_constraint("days <= 30").bound == 30.0);
  CHECK(parse_constraint("days <= 36 h").bound == 1.5);
  CHECK(parse_constraint("cost <= 2e6").bound == 2e6);
  const Constraint host = parse_constraint("host_memory <= 1 TiB");
  CHECK(host.measure == Measure::host_memory);
  CHECK(host.bound == 0x1p40);
}

TEST_CASE("search text: GPUs are counted, so that below 128 is at most 127") {
  CHECK(parse_constraint("gpus <= 128").bound == 128.0);
  CHECK(parse_constraint("gpus < 128").bound == 127.0);
  CHECK(parse_constraint("gpus > 64").bound == 65.0);
  CHECK(of_constraint("gpus < 1") == "E205: 'gpus' must be from 2 to 100000000, not 1 | ");
}

TEST_CASE("search text: a constraint that is there already is not added") {
  SearchRequest request;
  add_constraint(request, "P(fits) >= 0.9");
  add_constraint(request, " P(fits) >= 0.9 ");
  add_constraint(request, "P(fits) >= 0.8");
  REQUIRE(request.constraints.size() == 2);
  CHECK(request.constraints[0].bound == 0.9);
  CHECK(request.constraints[1].bound == 0.8);
}

TEST_CASE("search text: constraints that mean nothing") {
  const std::string example = std::string(" | ") + constraint_example;
  CHECK(of_constraint("peak_memory 70 GiB") ==
        "E206: the constraint 'peak_memory 70 GiB' compares nothing by <= or >=" + example);
  CHECK(of_constraint("peak_memory ≤ 70 GiB") ==
        "E206: the constraint 'peak_memory ≤ 70 GiB' compares nothing by <= or >=" + example);
  CHECK(of_constraint("gpus = 64") ==
        "E206: the constraint 'gpus = 64' asks for one exact value, which no prediction meets" +
            example);
  CHECK(of_constraint("1 s < step_time < 2 s") ==
        "E206: the constraint '1 s < step_time < 2 s' compares twice" + example);
  CHECK(of_constraint("<= 70 GiB") ==
        "E206: the constraint '<= 70 GiB' does not say what it is about" + example);
  CHECK(of_constraint("P(fits) <= 0.5") ==
        "E206: the constraint 'P(fits) <= 0.5' asks for plans that are likely not to fit | write it "
        "like P(fits) >= 0.9");
  CHECK(of_constraint("mfu >=") == "E206: the constraint 'mfu >=' has no bound" + example);
  CHECK(of_constraint("peak_mem <= 70 GiB") ==
        std::string(
            "E207: a constraint can't be about 'peak_mem' | did you mean 'peak_memory'? One of: ") +
            measure_list);
  CHECK(of_constraint("beauty >= 1") ==
        std::string("E207: a constraint can't be about 'beauty' | one of: ") + measure_list);
  CHECK(of_constraint("70 GiB >= peak_memory") ==
        "E206: a constraint begins with what it is about, not with '70 GiB' | write peak_memory <= "
        "70 GiB");
  CHECK(of_constraint("peak_memory <= 70") ==
        "E203: 'peak_memory' needs a unit | \"70 GB\" (10^9 bytes) or \"70 GiB\" (2^30 bytes)?");
  CHECK(of_constraint("P(fits) >= 90") ==
        "E205: 'P(fits)' must be at least 0 and at most 1, not 90 | \"90 %\"?");
  CHECK(of_constraint("days <= soon") ==
        "E206: 'days' must be a plain number, not \"soon\" | write it like 30 or 30 d");
  CHECK(of_constraint("cost <= 2M") == "E206: 'cost' has the unknown unit \"M\" | write 2e6");
}

TEST_CASE("search text: objective and deadline") {
  SearchRequest request;
  set_objective(request, "gpus_for_deadline");
  set_deadline(request, "30 d");
  CHECK(request.objective == Objective::gpus_for_deadline);
  CHECK(request.deadline_days == 30.0);
  set_objective(request, "gpus_for_deadline");
  CHECK(request.deadline_days == 30.0);
  set_objective(request, "memory");  // has no use for a deadline
  CHECK(request.deadline_days == 0.0);
  CHECK(std::string(to_string(Objective::cost_per_token)) == "cost_per_token");
  CHECK(std::string(to_string(Measure::fit_probability)) == "P(fits)");
  CHECK(refusal([](SearchRequest& r) { set_objective(r, "speed"); }) ==
        "E207: 'objective' can't be 'speed' | one of: step_time, throughput_per_gpu, "
        "cost_per_token, gpus_for_deadline, memory");
  CHECK(refusal([](SearchRequest& r) { set_objective(r, "step-time"); }) ==
        "E207: 'objective' can't be 'step-time' | did you mean 'step_time'? One of: step_time, "
        "throughput_per_gpu, cost_per_token, gpus_for_deadline, memory");
  CHECK(refusal([](SearchRequest& r) { set_deadline(r, "30"); }) ==
        "E203: 'deadline' needs a unit | write it like 30 d or 12 h");
  CHECK(refusal([](SearchRequest& r) { set_deadline(r, "0 d"); }) ==
        "E205: 'deadline' must be above 0, not 0 d | write it like 30 d or 12 h");
}

TEST_CASE("search text: head-room, number of plans and forbidden features") {
  SearchRequest request;
  set_headroom(request, "4 GiB");
  CHECK(request.memory_headroom_bytes == 4.0 * 1024 * 1024 * 1024);
  set_top(request, "25");
  CHECK(request.top == 25);
  add_forbidden(request, "offload, context");
  add_forbidden(request, "offload");
  CHECK(request.forbidden == std::vector<std::string>{"offload", "context"});
  CHECK(request.forbids("context"));
  CHECK(refusal([](SearchRequest& r) { set_headroom(r, "4"); }) ==
        "E203: 'memory_headroom' needs a unit | \"4 GB\" (10^9 bytes) or \"4 GiB\" (2^30 bytes)?");
  CHECK(refusal([](SearchRequest& r) { set_top(r, "0"); }) ==
        "E205: 'top' must be from 1 to 1000, not 0 | ");
  CHECK(refusal([](SearchRequest& r) { add_forbidden(r, "offload,sequence_parallel"); }) ==
        "E207: 'forbid' can't be 'sequence_parallel' | did you mean 'sequence-parallel'? One of: "
        "tensor, pipeline, interleave, zero-bubble, context, expert, sharding, hsdp, "
        "sequence-parallel, recompute, offload, tensor-overlap");
}

TEST_CASE("search text: a price has a day of the calendar") {
  const auto of = [](const std::string& text) {
    Price price;
    try {
      set_date(price, text);
    } catch (const RequestError& error) {
      return error.code() + ": " + error.what() + " | " + error.hint();
    }
    return price.date;
  };
  CHECK(of("2026-11-01") == "2026-11-01");
  CHECK(of("2028-02-29") == "2028-02-29");
  for (const char* wrong :
       {"2026-13-01", "2026-02-30", "2027-02-29", "1.11.2026", "2026-11-1", "yesterday"}) {
    CHECK(of(wrong) == "E206: 'date' must be a day of the calendar, not '" + std::string(wrong) +
                           "' | write it like 2026-11-01");
  }
}
