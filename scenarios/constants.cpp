// The constants of hardware and software, walked by their field tables.
#include "scenarios/fields.hpp"
#include "scenarios/scenario.hpp"

namespace lockstep {
namespace {

class ConstantWalk final : public FieldVisitor {
 public:
  using Visit = std::function<void(const std::string&, ConstantBase&)>;
  ConstantWalk(std::string prefix, const Visit& visit) : prefix_(std::move(prefix)), visit_(visit) {}
  void text(const FieldInfo&, std::string&) override {}
  void flag(const FieldInfo&, bool&) override {}
  void count(const FieldInfo&, std::int64_t&, std::int64_t, std::int64_t) override {}
  void number(const FieldInfo&, double&, Range) override {}
  void choice(const FieldInfo&, int&, std::span<const Choice>) override {}
  void constant(const FieldInfo& field, ConstantBase& value, Dimension, Range) override {
    visit_(prefix_ + field.key, value);
  }
  void group(const FieldInfo& field, const std::function<void(FieldVisitor&)>& members) override {
    ConstantWalk inner(prefix_ + field.key + ".", visit_);
    members(inner);
  }
  // An entry inside another is walked on its own, under its own prefix.
  void entry(const FieldInfo&, const char*, std::string&, const std::function<void(FieldVisitor&)>&) override {}

 private:
  std::string prefix_;
  const Visit& visit_;
};

}  // namespace

void for_each_constant(
    Cluster& cluster,
    const std::function<void(const std::string& path, ConstantBase& constant)>& visit) {
  ConstantWalk of_gpu("gpu.", visit);
  describe(of_gpu, cluster.system.gpu);
  ConstantWalk of_system("system.", visit);
  describe(of_system, cluster.system);
}

void for_each_constant(
    Cluster& cluster, Plan& plan,
    const std::function<void(const std::string& path, ConstantBase& constant)>& visit) {
  for_each_constant(cluster, visit);
  ConstantWalk of_software("software.", visit);
  describe(of_software, plan.software);
}

}  // namespace lockstep
