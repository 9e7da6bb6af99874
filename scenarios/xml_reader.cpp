#include "scenarios/xml_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>

#include "scenarios/text_check.hpp"
#include "scenarios/utf8.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

constexpr const char* what_to_give =
    "give a file that NCCL_TOPO_DUMP_FILE or NCCL_GRAPH_DUMP_FILE wrote";

// Makes the located tree. pugixml knows where an element's name begins; attributes are found in the
// text from there, in their order.
class TreeMaker {
 public:
  TreeMaker(const std::shared_ptr<const SourceText>& source, std::vector<Diagnostic>& problems)
      : source_(source), problems_(problems) {
    const std::string& text = source->text();
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') line_starts_.push_back(i + 1);
    }
  }

  XmlElement element(const pugi::xml_node& node, std::size_t depth) {
    XmlElement result;
    result.name = node.name();
    const std::size_t start =
        static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, node.offset_debug()));
    result.where = place(start, result.name.size());
    std::size_t at = start + result.name.size();
    for (const pugi::xml_attribute& attribute : node.attributes()) {
      XmlAttribute found{attribute.name(), attribute.value(), result.where};
      locate(found, at);
      result.attributes.push_back(std::move(found));
    }
    if (++elements_ > most_xml_elements || depth >= deepest_xml_nesting) {
      if (!stopped_) problems_.push_back(too_much(result.where, depth));
      stopped_ = true;
      return result;
    }
    for (const pugi::xml_node& child : node.children()) {
      if (stopped_) break;
      if (child.type() == pugi::node_element) result.children.push_back(element(child, depth + 1));
    }
    return result;
  }

 private:
  [[nodiscard]] Location place(std::size_t offset, std::size_t length) const {
    const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
    const auto line = static_cast<std::size_t>(next - line_starts_.begin()) - 1;
    return Location{source_, line, offset - line_starts_[line], std::max<std::size_t>(1, length)};
  }

  // Moves `at` behind the attribute and marks its value.
  void locate(XmlAttribute& attribute, std::size_t& at) const {
    const std::string& text = source_->text();
    const std::size_t name = text.find(attribute.name, at);
    if (name == std::string::npos) return;
    const std::size_t open = text.find_first_of("\"'", name + attribute.name.size());
    if (open == std::string::npos) return;
    const std::size_t close = text.find(text[open], open + 1);
    if (close == std::string::npos) return;
    attribute.where = place(open + 1, close - open - 1);
    at = close + 1;
  }

  static Diagnostic too_much(const Location& where, std::size_t depth) {
    if (depth >= deepest_xml_nesting)
      return diagnose(where, "E106",
                      fmt::format("elements are nested more than {} deep", deepest_xml_nesting),
                      "NCCL's files nest ten deep at most; is this the right file?");
    return diagnose(where, "E106", fmt::format("more than {} elements", most_xml_elements),
                    "NCCL's files have some thousand; is this the right file?");
  }

  const std::shared_ptr<const SourceText>& source_;
  std::vector<Diagnostic>& problems_;
  std::vector<std::size_t> line_starts_{0};
  std::size_t elements_ = 0;
  bool stopped_ = false;
};

std::optional<Diagnostic> unreadable(const std::shared_ptr<const SourceText>& source) {
  const std::string& text = source->text();
  const std::size_t control = text.find('\0');
  const std::size_t invalid = first_invalid_utf8(text);
  const std::size_t first = std::min(control, invalid);
  if (first == std::string::npos) return std::nullopt;
  return diagnose(location_of_offset(source, first), "E103",
                  fmt::format("the byte 0x{:02X} does not belong into a UTF-8 text",
                              static_cast<unsigned>(static_cast<unsigned char>(text[first]))),
                  what_to_give);
}

// Digits, with a sign or 0x before them.
std::optional<std::int64_t> whole_number(const std::string& text) {
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  const char* first = text.data() + (hex ? 2 : 0);
  const char* last = text.data() + text.size();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(first, last, value, hex ? 16 : 10);
  if (error != std::errc{} || end != last || first == last) return std::nullopt;
  return value;
}

}  // namespace

const XmlAttribute* XmlElement::find(std::string_view attribute) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const XmlAttribute& a) { return a.name == attribute; });
  return found == attributes.end() ? nullptr : &*found;
}

std::optional<XmlElement> parse_xml(const std::shared_ptr<const SourceText>& source,
                                    std::vector<Diagnostic>& problems) {
  if (std::optional<Diagnostic> reason = unreadable(source)) {
    problems.push_back(std::move(*reason));
    return std::nullopt;
  }
  pugi::xml_document document;
  const std::string& text = source->text();
  const pugi::xml_parse_result result = document.load_buffer(
      text.data(), text.size(), pugi::parse_default | pugi::parse_doctype, pugi::encoding_utf8);
  if (!result) {
    const bool empty = result.status == pugi::status_no_document_element;
    const std::size_t offset =
        empty ? 0
              : std::min<std::size_t>(text.size(), static_cast<std::size_t>(
                                                       std::max<std::ptrdiff_t>(0, result.offset)));
    std::string reason = result.description();
    if (!reason.empty()) reason[0] = static_cast<char>(reason[0] | 0x20);
    problems.push_back(diagnose(location_of_offset(source, offset), "E120",
                                fmt::format("this is not XML: {}", reason), what_to_give));
    return std::nullopt;
  }
  std::optional<pugi::xml_node> root;
  for (const pugi::xml_node& child : document.children()) {
    const bool doctype = child.type() == pugi::node_doctype;
    if (!doctype && child.type() != pugi::node_element) continue;
    const std::ptrdiff_t offset = std::max<std::ptrdiff_t>(0, child.offset_debug());
    const Location where = location_of_offset(source, static_cast<std::size_t>(offset));
    if (doctype || root) {
      problems.push_back(diagnose(
          where, "E121",
          doctype ? "a document type is not accepted" : "the file has a second root element",
          doctype ? "NCCL writes none: remove the <!DOCTYPE …>"
                  : "one file holds one dump: split it"));
      return std::nullopt;
    }
    root = child;
  }
  if (!root) {
    problems.push_back(diagnose(location_of_offset(source, 0), "E120",
                                "this is not XML: it has no element", what_to_give));
    return std::nullopt;
  }
  const std::size_t before = problems.size();
  XmlElement tree = TreeMaker(source, problems).element(*root, 0);
  if (problems.size() > before) return std::nullopt;
  return tree;
}

const XmlAttribute* XmlAttributes::find_or_report(std::string_view name, bool optional) {
  const XmlAttribute* found = element_.find(name);
  if (found == nullptr && !optional)
    problems_.push_back(
        diagnose(element_.where, "E221",
                 fmt::format("<{}> lacks the attribute '{}'", shortened(element_.name), name),
                 "NCCL needs it; is the file as NCCL wrote it?"));
  return found;
}

void XmlAttributes::wrong(std::string_view name, const std::string& message,
                          const std::string& hint) {
  const XmlAttribute* found = element_.find(name);
  problems_.push_back(
      diagnose(found == nullptr ? element_.where : found->where, "E222", message, hint));
}

std::int64_t XmlAttributes::whole(std::string_view name, std::int64_t low, std::int64_t high,
                                  std::optional<std::int64_t> otherwise) {
  const XmlAttribute* found = find_or_report(name, otherwise.has_value());
  if (found == nullptr) return otherwise.value_or(low);
  const std::optional<std::int64_t> value = whole_number(found->value);
  if (value && *value >= low && *value <= high) return *value;
  wrong(name, fmt::format("'{}' cannot be '{}'", name, shortened(found->value)),
        fmt::format("a whole number from {} to {}", low, high));
  return low;
}

double XmlAttributes::number(std::string_view name, double low, double high,
                             std::optional<double> otherwise) {
  const XmlAttribute* found = find_or_report(name, otherwise.has_value());
  if (found == nullptr) return otherwise.value_or(low);
  const ParsedQuantity parsed = parse_quantity(found->value, Dimension::none);
  if (parsed && *parsed.value >= low && *parsed.value <= high) return *parsed.value;
  wrong(name, fmt::format("'{}' cannot be '{}'", name, shortened(found->value)),
        fmt::format("a number from {} to {}", low, high));
  return low;
}

std::string XmlAttributes::text(std::string_view name, std::optional<std::string> otherwise) {
  const XmlAttribute* found = find_or_report(name, otherwise.has_value());
  return found == nullptr ? otherwise.value_or("") : found->value;
}

bool is_root(const XmlElement& root, std::string_view wanted, const std::string& what,
             std::string_view other, const std::string& other_hint,
             std::vector<Diagnostic>& problems) {
  if (root.name != wanted) {
    const bool mixed_up = root.name == other;
    problems.push_back(diagnose(
        root.where, "E220",
        fmt::format("{} begins with <{}>, not with <{}>", what, wanted, shortened(root.name)),
        mixed_up ? other_hint : what_to_give));
    return false;
  }
  XmlAttributes attributes(root, problems);
  const std::size_t before = problems.size();
  const std::int64_t version = attributes.whole("version", 0, 1'000'000);
  if (problems.size() == before && version != 1)
    attributes.wrong("version", fmt::format("version {} of {} is not known", version, what),
                     "NCCL writes version 1 since 2.5; a newer one may mean other things");
  return problems.size() == before;
}

}  // namespace lockstep
