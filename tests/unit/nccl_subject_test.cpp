// Which collective a table of nccl-tests is of, and on how many GPUs: names and counts against arithmetic.
#include "tests/catch.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "validate/nccl_subject.hpp"

using namespace lockstep;

namespace {

struct Sample {
  std::string before;              // lines above the table
  double algbw = 200, busbw = 350;
  std::string redop = "sum";
  std::string root = "-1";
  std::string in_place_wrong = "0";
  std::string file = "log.txt";
};

// One row of 1 GB with these bandwidths.
NcclSubject subject_of(const Sample& sample, const std::string& notes = {}) {
  const std::string text = sample.before + fmt::format(
      "# size count type redop root time algbw busbw #wrong time algbw busbw #wrong\n"
      "1000000000 250000000 float {} {} {:.1f} {:.2f} {:.2f} 0 {:.1f} {:.2f} {:.2f} {}\n",
      sample.redop, sample.root, 1e6 / sample.algbw, sample.algbw, sample.busbw, 1e6 / sample.algbw, sample.algbw,
      sample.busbw, sample.in_place_wrong);
  const NcclLog log = parse_nccl_log(text, sample.file);
  std::optional<LogMetadata> metadata;
  if (!notes.empty()) metadata = parse_log_metadata(notes, "log.meta.yaml");
  return identify(log, log.tables.at(0), metadata);
}

std::string complaint(const Sample& sample, const std::string& notes = {}) {
  try {
    subject_of(sample, notes);
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

std::string devices(int count) {
  std::string out = "# Using devices\n";
  for (int i = 0; i < count; ++i) {
    out += fmt::format("#  Rank {:2} Pid {:6} on node-{} device {:2} [0x{:02x}] Tesla V100\n", i, 100 + i, i / 8, i % 8, i);
  }
  return out;
}

}  // namespace

TEST_CASE("nccl-tests: the factor of busbw tells the number of GPUs", "[unit]") {
  // 2 * 7/8 = 1.75
  CHECK(subject_of({}).gpus == 8);
  CHECK(subject_of({}).collective == Collective::all_reduce);
  // 7/8 of a reduce-scatter
  Sample scatter;
  scatter.busbw = 175;
  CHECK(subject_of(scatter).gpus == 8);
  CHECK(subject_of(scatter).collective == Collective::reduce_scatter);
  // all-gather and all-to-all look alike but for the in-place check, which all-to-all cannot make
  Sample gather = scatter;
  gather.redop = "none";
  CHECK_FALSE(subject_of(gather).collective.has_value());
  CHECK(subject_of(gather).unknown == "the log does not say which collective it is of: state collective in its .meta.yaml");
  gather.file = "8xh100_all_gather.txt";
  CHECK(subject_of(gather).collective == Collective::all_gather);
  gather.in_place_wrong = "N/A";
  CHECK(subject_of(gather).collective == Collective::all_to_all);
  // a factor of 1: send/recv, which says it sums, or all-reduce on two GPUs
  Sample one;
  one.busbw = 200;
  CHECK(subject_of(one).collective == Collective::all_reduce);
  CHECK(subject_of(one).gpus == 2);
  one.in_place_wrong = "N/A";
  CHECK(subject_of(one).collective == Collective::send_recv);
  CHECK(subject_of(one).gpus == 0);
  CHECK(subject_of(one).unknown == "the number of GPUs is not stated: state gpus in the log's .meta.yaml");
  one.root = "0";
  CHECK(subject_of(one).collective == Collective::reduce);
  one.redop = "none";
  CHECK(subject_of(one).collective == Collective::broadcast);
  // one process each: nothing on the bus
  Sample alone;
  alone.busbw = 0;
  CHECK(subject_of(alone).gpus == 1);
}

TEST_CASE("nccl-tests: large jobs fit several numbers of GPUs", "[unit]") {
  // 2 * 511/512 = 1.99609; with two digits of 200 GB/s the factor is known to some 1e-4
  Sample many;
  many.busbw = 399.22;
  const NcclSubject subject = subject_of(many);
  CHECK(subject.gpus == 0);
  CHECK(subject.fewest <= 512);
  CHECK(subject.most >= 512);
  CHECK(subject.unknown == fmt::format("the log fits {} to {} GPUs: state gpus in its .meta.yaml", subject.fewest, subject.most));
  CHECK(subject_of(many, "gpus: 512\n").gpus == 512);
  // the list of devices is cut off by nccl-tests: it counts as far as it agrees
  many.before = devices(24);
  CHECK(subject_of(many).gpus == 0);
  CHECK(subject_of(many, "gpus: 512\n").gpus == 512);
  Sample listed;
  listed.before = devices(8);
  CHECK(subject_of(listed).gpus == 8);
}

TEST_CASE("nccl-tests: names and counts that the table contradicts", "[unit]") {
  Sample sample;
  CHECK(complaint(sample, "nodes: 2\ngpus: 16\n") ==
        "log.meta.yaml:2:7: error[E520]: these notes say 16 GPUs, but busbw / algbw in the log is 1.75, which is that of 8 "
        "GPUs\n"
        "    2 | gpus: 16\n"
        "      |       ^~\n"
        "      = hint: log.txt:2 has that row\n");
  CHECK(complaint(sample, "collective: broadcast\n") ==
        "log.meta.yaml:1:13: error[E521]: busbw / algbw is 1.75, which broadcast has on no number of GPUs\n"
        "    1 | collective: broadcast\n"
        "      |             ^~~~~~~~~\n"
        "      = hint: line 2 has that row; which collective was it?\n");
  sample.before = "$ ./build/all_reduce_perf -b 8\n";
  CHECK(complaint(sample, "collective: reduce\n") ==
        "log.meta.yaml:1:13: error[E521]: these notes say reduce, their log is of all_reduce_perf\n"
        "    1 | collective: reduce\n"
        "      |             ^~~~~~\n"
        "      = hint: which file do they belong to?\n");
  sample.before = "$ ./build/all_gather_perf -b 8\n";
  CHECK(complaint(sample).find("log.txt:1:3: error[E521]: busbw / algbw is 1.75, which all_gather has on no number of GPUs\n") == 0);
  sample.before = "$ ./build/gather_perf -b 8\n";
  CHECK(subject_of(sample).unknown == "gather is not modelled");
  sample.before = devices(4);
  CHECK(complaint(sample).find("error[E520]: the list has 4 devices, but busbw / algbw is 1.75, which is that of 8 GPUs\n") !=
        std::string::npos);
  sample.before = devices(8);
  CHECK(complaint(sample, "gpus: 4\n").find("log.meta.yaml:1:7: error[E520]: these notes say 4 GPUs") == 0);
}

TEST_CASE("notes beside a log: unknown keys pass, known ones are checked", "[unit]") {
  const LogMetadata notes =
      parse_log_metadata("gpus: 16\ngpu: H100\nnodes: unknown\nmood: fine\nhealth: suspect\nextra: {a: 1}\n", "n.yaml");
  CHECK(notes.gpus->value == 16);
  CHECK_FALSE(notes.nodes.has_value());
  CHECK(notes.word("gpu") == "H100");
  CHECK(notes.word("mood") == "fine");
  CHECK(notes.word("nothing").empty());
  CHECK(notes.health == "suspect");
  CHECK_THROWS_WITH(parse_log_metadata("gpus: many\n", "n.yaml"),
                    "n.yaml:1:7: error[E205]: 'gpus' is no count\n"
                    "    1 | gpus: many\n"
                    "      |       ^~~~\n"
                    "      = hint: a whole number, or leave the key out\n");
  CHECK_THROWS_WITH(parse_log_metadata("- 1\n", "n.yaml"),
                    "n.yaml:1:1: error[E201]: the notes on a log must be a map of keys\n"
                    "    1 | - 1\n"
                    "      | ^\n"
                    "      = hint: begin with 'gpus: 16', 'nodes: 2', 'gpu: H100 SXM' and what else is known\n");
}
