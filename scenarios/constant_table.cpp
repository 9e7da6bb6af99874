#include "scenarios/constant_table.hpp"

#include <utility>

#include "topology/quantity_text.hpp"

namespace lockstep {

namespace {

// Visits a field table for its constants alone; the entries inside it have tables of their own.
class ConstantCollector final : public FieldVisitor {
 public:
  ConstantCollector(std::string prefix, ConstantTable& table) : prefix_(std::move(prefix)), table_(table) {}
  void text(const FieldInfo& /*field*/, std::string& /*value*/) override {}
  void flag(const FieldInfo& /*field*/, bool& /*value*/) override {}
  void count(const FieldInfo& /*field*/, std::int64_t& /*value*/, std::int64_t /*low*/,
             std::int64_t /*high*/) override {}
  void number(const FieldInfo& /*field*/, double& /*value*/, Range /*range*/) override {}
  void constant(const FieldInfo& field, ConstantBase& /*value*/, Dimension dimension, Range range) override {
    table_.emplace(prefix_ + field.key, ConstantInfo{dimension, range, field.doc});
  }
  void choice(const FieldInfo& /*field*/, int& /*value*/, std::span<const Choice> /*choices*/) override {}
  void group(const FieldInfo& /*field*/, const std::function<void(FieldVisitor&)>& members) override {
    members(*this);
  }
  void entry(const FieldInfo& /*field*/, const char* /*folder*/, std::string& /*name*/,
             const std::function<void(FieldVisitor&)>& /*members*/) override {}

 private:
  std::string prefix_;
  ConstantTable& table_;
};

template <class Described>
void collect(const char* prefix, ConstantTable& table) {
  Described described;
  ConstantCollector collector(prefix, table);
  describe(collector, described);
}

}  // namespace

ConstantTable constant_table() {
  ConstantTable table;
  collect<Gpu>("gpu.", table);
  collect<System>("system.", table);
  collect<Software>("software.", table);
  return table;
}

std::string constant_text(double value, Dimension dimension) {
  switch (dimension) {
    case Dimension::none: return to_text(value);
    case Dimension::bytes: return to_text(Bytes{value});
    case Dimension::seconds: return to_text(Seconds{value});
    case Dimension::bytes_per_second: return to_text(BytesPerSecond{value});
    case Dimension::flops: return to_text(Flops{value});
    case Dimension::flops_per_second: return to_text(FlopsPerSecond{value});
    case Dimension::watts: return to_text(Watts{value});
  }
  return to_text(value);
}

}  // namespace lockstep
