// XML as a located tree: elements and attributes that know where they were written. pugixml parses.
//
// Refused, each with a located error: what is not XML, a document type (its entities are never
// expanded), several roots, deep nesting, more than a megabyte, what is not UTF-8.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/node.hpp"

namespace lockstep {

inline constexpr std::size_t deepest_xml_nesting = 64;
inline constexpr std::size_t most_xml_elements = 200'000;

struct XmlAttribute {
  std::string name;
  std::string value;
  Location where;  // of the value
};

struct XmlElement {
  std::string name;
  Location where;  // of the name
  std::vector<XmlAttribute> attributes;
  std::vector<XmlElement> children;

  // The attribute of this name, or null.
  [[nodiscard]] const XmlAttribute* find(std::string_view attribute) const;
};

// The root element; nothing where there is none, and then `problems` says why (E103, E106, E120,
// E121).
std::optional<XmlElement> parse_xml(const std::shared_ptr<const SourceText>& source,
                                    std::vector<Diagnostic>& problems);

// Reads attributes, and reports what is missing or no such value (E221, E222).
class XmlAttributes {
 public:
  XmlAttributes(const XmlElement& element, std::vector<Diagnostic>& problems)
      : element_(element), problems_(problems) {}

  // A whole number within the range, decimal or with 0x. Missing: `otherwise`, or an error where
  // there is none.
  std::int64_t whole(std::string_view name, std::int64_t low, std::int64_t high,
                     std::optional<std::int64_t> otherwise = std::nullopt);
  double number(std::string_view name, double low, double high,
                std::optional<double> otherwise = std::nullopt);
  // As it is written.
  std::string text(std::string_view name, std::optional<std::string> otherwise = std::nullopt);
  // An error at the attribute, or at the element where it has none.
  void wrong(std::string_view name, const std::string& message, const std::string& hint);

 private:
  const XmlAttribute* find_or_report(std::string_view name, bool optional);
  const XmlElement& element_;
  std::vector<Diagnostic>& problems_;
};

// Whether this is the root that a reader wants, with version="1"; else reports it (E220, E222).
// `other` is the root of the other kind of file, for which `other_hint` says what to do.
bool is_root(const XmlElement& root, std::string_view wanted, const std::string& what,
             std::string_view other, const std::string& other_hint,
             std::vector<Diagnostic>& problems);

}  // namespace lockstep
