#include "validate/kernel_corpus.hpp"

#include <charconv>
#include <cmath>

#include "validate/csv.hpp"

namespace lockstep {
namespace {

constexpr double fewest_rows = 64;

// Cells of one row by column name.
class Row {
 public:
  Row(const CsvTable& table, const CsvRow& row) : table_(table), row_(row) {}

  [[nodiscard]] const std::string& text(const char* column) const {
    static const std::string none;
    const std::optional<std::size_t> place = table_.find(column);
    return place ? row_.cells[*place].text : none;
  }
  // 0 where the cell holds no number.
  [[nodiscard]] double number(const char* column) const {
    const std::string& cell = text(column);
    double value = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    return error == std::errc{} && end == cell.data() + cell.size() ? value : 0.0;
  }

 private:
  const CsvTable& table_;
  const CsvRow& row_;
};

void add_gemm(const Row& row, KernelCorpus& corpus) {
  GemmSample sample{row.text("device"),
                    row.number("M"),
                    row.number("N"),
                    row.number("K"),
                    row.number("time_us") * 1e-6,
                    row.number("peak_tflops") * 1e12};
  const bool chosen = row.text("library") == "cuBLAS" && row.text("timing").rfind("kernel", 0) == 0;
  if (chosen && sample.m >= fewest_rows && sample.seconds > 0) {
    corpus.gemms.push_back(std::move(sample));
  }
}

void add_attention(const Row& row, KernelCorpus& corpus) {
  const std::string& pass = row.text("pass");
  const AttentionSample sample{row.text("device"),
                               row.text("impl"),
                               pass == "fwd"   ? AttentionPass::forward
                               : pass == "bwd" ? AttentionPass::backward
                                               : AttentionPass::both,
                               row.number("head_dim"),
                               row.number("causal") > 0,
                               row.number("seq"),
                               row.number("eff")};
  const std::string& kernel = sample.kernel;
  const bool flash = kernel == "FA1" || kernel == "FA2" || kernel == "FA3" || kernel == "cuDNN";
  const bool fitted_head = sample.head_dim == 64 || sample.head_dim == 128;
  if (flash && fitted_head && sample.sequence > 0 && sample.efficiency > 0) {
    corpus.attention.push_back(sample);
  }
}

void add_memory(const Row& row, KernelCorpus& corpus) {
  const double low = row.number("traffic_MB_lo");
  const double high = row.number("traffic_MB_hi");
  if (low <= 0 || high <= 0 || row.number("median_GBps") <= 0) return;
  // The class holds many sizes; its median rate is that of its median time at this size.
  const double seconds = row.number("median_us") * 1e-6;
  corpus.memory.push_back({row.text("device"), row.text("op"),
                           seconds * row.number("median_GBps") * 1e9, seconds,
                           row.number("peak_GBps") * 1e9, row.number("n")});
}

}  // namespace

void add_kernel_table(const std::string& text, const std::string& file, KernelCorpus& corpus) {
  const CsvTable table = parse_csv(text, file);
  const auto has = [&](const char* column) { return table.find(column).has_value(); };
  void (*add)(const Row&, KernelCorpus&) = nullptr;
  if (has("time_us") && has("M") && has("N") && has("K")) add = add_gemm;
  if (has("impl") && has("head_dim") && has("seq") && has("eff")) add = add_attention;
  if (has("traffic_MB_lo") && has("median_us") && has("peak_GBps")) add = add_memory;
  if (add == nullptr) {
    throw InputError(
        {table.at(table.header.front(), "E630", "columns of no kernel table",
                  "products have M, N, K, time_us; attention impl, head_dim, seq, eff; "
                  "memory-bound ops traffic_MB_lo, median_us, peak_GBps")});
  }
  for (const CsvRow& row : table.rows) add(Row(table, row), corpus);
}

}  // namespace lockstep
