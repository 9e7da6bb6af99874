// The reader of CSV tables, and of the cells of a table of runs.
#include "tests/catch.hpp"

#include <string>

#include "validate/run_record.hpp"

using lockstep::CsvTable;
using lockstep::InputError;
using lockstep::parse_csv;
using lockstep::read_run_records;
using lockstep::RunRecord;

namespace {

// The rendered errors of a text; "" where it is read.
std::string errors_of(const std::string& text) {
  try {
    parse_csv(text, "t.csv");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::string record_errors_of(const std::string& text) {
  try {
    read_run_records(parse_csv(text, "t.csv"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

const std::string header = "layers,hidden,heads,seq_len,gpu_key,num_gpus,micro_batch,global_batch";

std::vector<RunRecord> records(const std::string& text) { return read_run_records(parse_csv(text, "dir/t.csv")); }

}  // namespace

TEST_CASE("CSV: quotes, commas and line breaks inside quotes, CRLF and a byte order mark are read", "[unit]") {
  const CsvTable table = parse_csv("\xEF\xBB\xBF" "a,b\r\n\"x, \"\"y\"\"\nz\",2\r\n\r\n,3", "t.csv");
  REQUIRE(table.header.size() == 2);
  CHECK(table.header[0].text == "a");
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0].cells[0].text == "x, \"y\"\nz");
  CHECK(table.rows[0].cells[1].text == "2");
  CHECK(table.rows[1].cells[0].text.empty());
  CHECK(table.rows[1].line == 5);
  CHECK(table.find("B") == std::optional<std::size_t>(1));
  CHECK_FALSE(table.find("c").has_value());
}

TEST_CASE("CSV: an empty file is an error of the file", "[unit]") {
  const std::string expected =
      "t.csv: error[E181]: the file is empty\n"
      "      = hint: the first line names the columns, each further line is one run\n";
  CHECK(errors_of("") == expected);
  CHECK(errors_of("\xEF\xBB\xBF\r\n \n") == expected);
}

TEST_CASE("CSV: a binary file is refused at its first byte that no text has", "[unit]") {
  CHECK(errors_of(std::string("a,b\n1,\0\x01", 8)) ==
        "t.csv:2:3: error[E182]: not a text file: byte 0x00\n"
        "      = hint: save the table as CSV in UTF-8\n");
}

TEST_CASE("CSV: a quote that is never closed is marked where it opens", "[unit]") {
  const std::string text = errors_of("a,b\n1,\"x\ny,2\n");
  CHECK(text ==
        "t.csv:2:3: error[E183]: a quote is opened here and never closed\n"
        "    2 | 1,\"x\n"
        "      |   ^\n"
        "      = hint: close it with \"; a quote inside a cell is written \"\"\n");
}

TEST_CASE("CSV: every ragged row, stray quote and repeated header is reported in one run", "[unit]") {
  const std::string text = errors_of("a,b,a\n1,2\n1,2,3,4\n1,x\"y,3\n\"x\"z,2,3\n");
  CHECK(text.find("t.csv:1:5: error[E186]: the column 'a' appears twice (column 1 and column 3)\n") !=
        std::string::npos);
  CHECK(text.find("t.csv:2:1: error[E185]: 2 cells where the header has 3 columns\n") != std::string::npos);
  CHECK(text.find("t.csv:3:1: error[E185]: 4 cells where the header has 3 columns\n") != std::string::npos);
  CHECK(text.find("t.csv:4:4: error[E184]: a quote inside a cell that does not begin with one\n") !=
        std::string::npos);
  CHECK(text.find("t.csv:5:4: error[E184]: text after the closing quote of a cell\n") != std::string::npos);
}

TEST_CASE("Runs: counts and numbers of a row, with several spellings of not stated", "[unit]") {
  const auto rows = records("row_id,source," + header +
                            ",tp,dp,step_time_s,framework\n"
                            "fam-ily-7,A paper,8.0,4096,32,2048,H100 80GB  HBM3,8,1,64,n/a,,1.5e0,FSDP2\n");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].row_id == "fam-ily-7");
  CHECK(rows[0].source == "fam-ily");
  CHECK(rows[0].layers == 8);
  CHECK(rows[0].word("gpu_key") == "h100 80gb hbm3");
  CHECK(rows[0].word("framework") == "fsdp2");
  CHECK(rows[0].word("mode").empty());
  CHECK_FALSE(rows[0].tp.has_value());
  CHECK_FALSE(rows[0].dp.has_value());
  CHECK(rows[0].step_time_s == 1.5);
}

TEST_CASE("Runs: without a row_id the file and the row name the run", "[unit]") {
  const auto rows = records(header + "\n1,64,1,8,a100,1,1,1\n1,64,1,8,a100,1,1,1\n");
  REQUIRE(rows.size() == 2);
  CHECK(rows[1].row_id == "t:2");
  CHECK(rows[1].source == "t");
}

TEST_CASE("Runs: an empty cell of a required column is a row that does not say, not an error", "[unit]") {
  const auto rows = records(header + "\n1,64,1,8,a100,1,,1\n");
  REQUIRE(rows.size() == 1);
  CHECK_FALSE(rows[0].micro_batch.has_value());
}

TEST_CASE("Runs: every missing column is named, with the column that may be meant", "[unit]") {
  const std::string text = record_errors_of("layer,hidden,heads,seq_len,gpu_key,num_gpus,micro_batch\n");
  CHECK(text ==
        "t.csv:1:1: error[E281]: the required column 'layers' is missing\n"
        "    1 | layer,hidden,heads,seq_len,gpu_key,num_gpus,micro_batch\n"
        "      | ^~~~~\n"
        "      = hint: is 'layer' this column? required are: layers, hidden, heads, seq_len, gpu_key,\n"
        "              num_gpus, micro_batch, global_batch\n"
        "t.csv:1:1: error[E281]: the required column 'global_batch' is missing\n"
        "    1 | layer,hidden,heads,seq_len,gpu_key,num_gpus,micro_batch\n"
        "      | ^~~~~\n"
        "      = hint: required are: layers, hidden, heads, seq_len, gpu_key, num_gpus, micro_batch,\n"
        "              global_batch\n");
}

TEST_CASE("Runs: a table with semicolons is recognised", "[unit]") {
  // One error, whatever else the semicolons break: cells of "4,0" and quotes that do not begin a cell.
  CHECK(record_errors_of("layers;hidden;heads\n1;\"2\";4,0\n") ==
        "t.csv:1:1: error[E187]: the cells are separated by semicolons, not by commas\n"
        "    1 | layers;hidden;heads\n"
        "      | ^~~~~~~~~~~~~~~~~~~\n"
        "      = hint: save the table with commas between the cells and points in the numbers\n");
  CHECK(record_errors_of("layers\thidden\n").find("separated by tabs") != std::string::npos);
}

TEST_CASE("Runs: a column that is named after experts tells a mixture of experts", "[unit]") {
  const auto record = [](const std::string& column, const std::string& cell) {
    return records(header + "," + column + "\n1,64,1,8,a100,1,1,1," + cell + "\n").front();
  };
  const auto hints = [&](const std::string& column, const std::string& cell) {
    return record(column, cell).hints_at_experts;
  };
  for (const char* column : {"num_experts", "n_experts", "experts", "n_routed_experts", "moe_num_experts", "moe_topk"}) {
    INFO(column);
    CHECK(hints(column, "8"));
    CHECK_FALSE(hints(column, "1"));
    CHECK_FALSE(hints(column, ""));
  }
  CHECK(hints("is_moe", "true"));
  CHECK_FALSE(hints("expert_parallel", "8"));
  CHECK_FALSE(hints("moe_experts", "64"));
  CHECK(record("moe_experts", "64").moe_experts == 64);
  CHECK_FALSE(hints("expertise", "high"));
}

TEST_CASE("Runs: every malformed cell is located", "[unit]") {
  const std::string text = record_errors_of(header + ",step_time_s\n" +
                                            "two,64,1,8,a100,1,1,1,1\n"       // no number
                                            "1,-64,1,8,a100,1,1,1,1\n"        // negative
                                            "1,64,1.5,8,a100,1,1,1,1\n"       // a fraction of a head
                                            "1,64,1,1e30,a100,1,1,1,1\n"      // absurd
                                            "1,64,1,8,a100,0,1,1,1\n"         // no GPUs
                                            "1,64,1,8,a100,1,nan,1,1\n"       // NaN
                                            "1,64,1,8,a100,1,1,\"1,024\",1\n"  // grouped digits
                                            "1,64,1,8,a100,1,1,1,-3\n"        // a negative time
                                            "1,64,1,8,a100,1,1,1,inf\n");
  CHECK(text.find("t.csv:2:1: error[E282]: 'layers' is 'two', not a number\n") == 0);
  CHECK(text.find("t.csv:3:3: error[E283]: 'hidden' is -64\n") != std::string::npos);
  CHECK(text.find("t.csv:4:6: error[E283]: 'heads' is 1.5: a count has no fraction\n") != std::string::npos);
  CHECK(text.find("= hint: write 1 or 2\n") != std::string::npos);
  CHECK(text.find("t.csv:5:8: error[E283]: 'seq_len' is 1e30\n") != std::string::npos);
  CHECK(text.find("t.csv:6:15: error[E283]: 'num_gpus' is 0\n") != std::string::npos);
  CHECK(text.find("t.csv:7:17: error[E282]: 'micro_batch' is 'nan', not a number\n") != std::string::npos);
  CHECK(text.find("t.csv:8:19: error[E282]: 'global_batch' is '1,024', not a number\n") != std::string::npos);
  CHECK(text.find("digits are not grouped\n              with commas\n") != std::string::npos);
  CHECK(text.find("t.csv:9:21: error[E283]: 'step_time_s' is -3\n") != std::string::npos);
  CHECK(text.find("t.csv:10:21: error[E282]: 'step_time_s' is 'inf', not a number\n") != std::string::npos);
}

TEST_CASE("CSV: a table of empty cells is an empty file", "[unit]") {
  const std::string expected =
      "t.csv: error[E181]: the file has no cell with text in it\n"
      "      = hint: the first line names the columns, each further line is one run\n";
  CHECK(errors_of(",,") == expected);
  CHECK(errors_of("\"\",\n , \n") == expected);
}
