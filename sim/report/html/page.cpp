#include "sim/report/html/page.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "sim/report/html/page_assets.hpp"
#include "sim/report/html/sha256.hpp"

namespace lockstep {

namespace {

using Json = nlohmann::ordered_json;
using Parts = std::vector<std::pair<std::string_view, std::string>>;

std::string escaped_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '&':
        result += "&amp;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

// JSON inside a script element: its text cannot end the element, open a comment or break a line.
// All of these characters stand inside strings alone.
std::string embedded(const Json& document) {
  const std::string json = document.dump(-1, ' ', false, Json::error_handler_t::replace);
  constexpr std::string_view line_separator = "\xE2\x80\xA8";       // U+2028
  constexpr std::string_view paragraph_separator = "\xE2\x80\xA9";  // U+2029
  std::string result;
  result.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string_view next = std::string_view(json).substr(i, line_separator.size());
    if (json[i] == '<' || json[i] == '>' || json[i] == '&') {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(json[i]));
    } else if (next == line_separator || next == paragraph_separator) {
      result += next == line_separator ? "\\u2028" : "\\u2029";
      i += next.size() - 1;
    } else {
      result += json[i];
    }
  }
  return result;
}

// Names go through JSON's own way of mending what is no UTF-8.
std::string name_of(const Json& document) {
  const Json name = document.value("/scenario/name"_json_pointer, Json("Lockstep"));
  return Json::parse(name.dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

std::string policy(const PageAssets& assets) {
  return fmt::format(
      "default-src 'none'; script-src '{}' '{}'; style-src '{}'; img-src data:; base-uri 'none'; "
      "form-action 'none'",
      source_hash(assets.library), source_hash(assets.script), source_hash(assets.style));
}

// Each {{name}} of the skeleton replaced once; what comes in is not looked at again.
std::string filled(std::string_view skeleton, const Parts& parts) {
  std::string page;
  for (const auto& [name, content] : parts) {
    const std::string mark = fmt::format("{{{{{}}}}}", name);
    const std::size_t at = skeleton.find(mark);
    if (at == std::string_view::npos) {
      throw std::logic_error(fmt::format("the page has no place for its {}", name));
    }
    page += skeleton.substr(0, at);
    page += content;
    skeleton.remove_prefix(at + mark.size());
  }
  return page += skeleton;
}

}  // namespace

std::string html_page(const Json& document) {
  const PageAssets assets = page_assets();
  return filled(assets.skeleton, {{"policy", policy(assets)},
                                  {"title", escaped_text(name_of(document))},
                                  {"style", std::string(assets.style)},
                                  {"data", embedded(document)},
                                  {"library", std::string(assets.library)},
                                  {"script", std::string(assets.script)}});
}

}  // namespace lockstep
