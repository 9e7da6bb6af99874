#include <fmt/format.h>

#include "scenarios/fields.hpp"
#include "scenarios/fields/limits.hpp"
#include "scenarios/quantity_pattern.hpp"
#include "scenarios/search_text.hpp"

namespace lockstep {
namespace {

constexpr const char* count_pattern = "^ *[0-9]+ *([.][.] *[0-9]+ *)?$";
constexpr const char* share_pattern = "^ *[0-9]*[.]?[0-9]+ *%? *([.][.] *[0-9]*[.]?[0-9]+ *%? *)?$";
// Parts joined by + or blanks, by their names here or Megatron's.
constexpr const char* joined_names_pattern = "^[a-z_-]+([+ ]+[a-z_-]+)*$";
constexpr const char* date_pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";

std::vector<PhraseName> named(std::span<const RequestName> table) {
  std::vector<PhraseName> names;
  for (const RequestName& one : table) names.push_back({one.name, one.doc});
  return names;
}

// MEASURE <= BOUND; what the bound may be depends on the measure.
std::string constraint_pattern() {
  std::string names;
  for (const RequestName& measure : search_measures()) {
    names += names.empty() ? "" : "|";
    for (const char c : std::string_view(measure.name)) {
      names += c == '(' || c == ')' ? fmt::format("[{}]", c) : std::string(1, c);
    }
  }
  return fmt::format("^ *({}) *[<>]=? *[0-9.+-][^<>=]*$", names);
}

std::string constraint_words() {
  std::string text = "MEASURE <= BOUND, or >=, of";
  for (const RequestName& measure : search_measures()) {
    text += fmt::format("<br>`{}`: {}", measure.name, measure.doc);
  }
  return text;
}

Phrases phrases_of(const SearchDimension& dimension) {
  Phrases form;
  form.otherwise = dimension.otherwise;
  form.list = true;
  for (const char* choice : dimension.choices) form.names.push_back({choice, ""});
  switch (dimension.kind) {
    case DimensionKind::count:
      form.what = fmt::format("a whole number from {}, a range like 2..8, or a list", dimension.low);
      if (!dimension.choices.empty()) form.what += ", or a name";
      form.pattern = count_pattern;
      form.numbers = Range{static_cast<double>(dimension.low), static_cast<double>(limits::most_gpus), false};
      form.whole = true;
      break;
    case DimensionKind::choice:
      form.what = "a name, or a list";
      if (std::string_view(dimension.key) == "recompute_parts") form.pattern = joined_names_pattern;
      break;
    case DimensionKind::share:
      form.what = "a share from 0 to 1, a range like 0..50 %, or a list";
      form.pattern = share_pattern;
      form.numbers = limits::share;
      break;
  }
  return form;
}

Phrases text_of(std::string what, std::string otherwise, std::string pattern) {
  Phrases form;
  form.what = std::move(what);
  form.otherwise = std::move(otherwise);
  form.pattern = std::move(pattern);
  return form;
}

// What the plans have to be good at.
void describe_goal(FieldVisitor& visitor, SearchRequest& request) {
  Phrases objective;
  objective.what = "a name";
  objective.otherwise = to_string(SearchRequest{}.objective);
  objective.names = named(search_objectives());
  visitor.phrases({"objective", "What makes one plan better than another."}, objective,
                  [&](const std::string& text) { set_objective(request, text); });
  visitor.phrases({"deadline", "Of objective gpus_for_deadline: when the whole run has to be through."},
                  text_of("a time, like `30 d`", "none", quantity_pattern(Dimension::seconds)),
                  [&](const std::string& text) { set_deadline(request, text); });
  visitor.phrases({"memory_headroom", "Memory of each GPU that plans leave free."},
                  text_of("a memory size, like `4 GiB`", "0", quantity_pattern(Dimension::bytes)),
                  [&](const std::string& text) { set_headroom(request, text); });
  visitor.count({"top", "Plans that are listed."}, request.top, 1, most_plans_listed);
  Phrases constraints = text_of(constraint_words(), "none", constraint_pattern());
  constraints.list = true;
  visitor.phrases({"constraints", "What every plan has to keep to, by its point prediction."}, constraints,
                  [&](const std::string& text) { add_constraint(request, text); });
  Phrases forbid;
  forbid.what = "a name, or a list";
  forbid.otherwise = "nothing";
  forbid.names = named(search_features());
  forbid.list = true;
  visitor.phrases({"forbid", "Features that no plan may have."}, forbid,
                  [&](const std::string& text) { add_forbidden(request, text); });
}

}  // namespace

void describe(FieldVisitor& visitor, SearchRequest& request) {
  describe_goal(visitor, request);
  for (const SearchDimension& dimension : search_dimensions()) {
    visitor.phrases({dimension.key, dimension.doc}, phrases_of(dimension),
                    [&](const std::string& text) { add_limit(request, dimension, text); });
  }
}

void describe(FieldVisitor& visitor, Price& price) {
  visitor.number({"per_gpu_hour", "Price of one GPU for one hour.", true}, price.per_gpu_hour, {0.0, 1e9, true});
  visitor.text({"currency", "What the price is in."}, price.currency);
  visitor.phrases({"date", "The day for which the price holds, like 2026-11-01: prices move.", true},
                  text_of("a day, like `2026-11-01`", "", date_pattern),
                  [&](const std::string& text) { set_date(price, text); });
  visitor.text({"source", "Who asks it: a price list, a contract, a guess."}, price.source);
}

}  // namespace lockstep
