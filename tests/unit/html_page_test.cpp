// Is the page safe whatever the names are, and does it carry its document unchanged?
#include "sim/report/html/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/report/html/page_assets.hpp"
#include "sim/report/html/sha256.hpp"
#include "sim/report/plan_json.hpp"
#include "tests/catch.hpp"
#include "tests/unit/sample_report.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

using Json = nlohmann::ordered_json;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

// From behind the first `from` to the next `to`.
std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const std::size_t start = text.find(from);
  if (start == std::string::npos) return {};
  const std::size_t begin = start + from.size();
  return text.substr(begin, text.find(to, begin) - begin);
}

const std::string data_begins = R"(<script type="application/json" id="data">)";

std::string data_of(const std::string& page) {
  return between(page, data_begins, "</script>");
}

Json document_named(const std::string& name) {
  Report report = sample_report();
  report.scenario_name = name;
  report.scenario.description = name;
  report.scenario.model.name = name;
  report.plans[0].plan.name = name;
  return report_document(report, "compare");
}

const std::vector<std::string> hostile_names{
    "</script><script>alert(1)</script>",
    "<!-- <script> -->",
    "]]><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)\" '",
    "a & b &lt; c",
    "line\nbreak\ttab\r",
    "\xE2\x80\xA8line\xE2\x80\xA9paragraph",
    "\xF0\x9F\x9A\x80 \xE2\x9C\x93",
    "{{script}} {{data}} {b|x}",
    "\\u003c/script\\u003e",
};

}  // namespace

TEST_CASE("page: names of any kind come back from the data as they were", "[unit][page]") {
  for (const std::string& name : hostile_names) {
    CAPTURE(name);
    const Json document = document_named(name);
    const std::string page = html_page(document);
    CHECK(Json::parse(data_of(page)) == Json::parse(json_text(document)));
    CHECK(Json::parse(data_of(page))["plans"][0]["name"].dump() == Json(name).dump());
    // The data, the library and the page's own script, and none that a name brings along.
    CHECK(count(page, "<script>") + count(page, data_begins) == 3 + count(std::string(page_assets().library), "<script>"));
    CHECK(count(page, "</script>") == 3);
    for (const std::string part : {"<", ">", "&", "\xE2\x80\xA8", "\xE2\x80\xA9"}) {
      CHECK(count(data_of(page), part) == 0);
    }
  }
}

TEST_CASE("page: its title is text", "[unit][page]") {
  const std::string page = html_page(document_named("</title><script>alert(1)</script> & {{data}}"));
  CHECK(between(page, "<title>", "</title>") ==
        "&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp; {{data}} · Lockstep");
}

TEST_CASE("page: a name that is no UTF-8 is mended, not passed on", "[unit][page]") {
  const std::string page = html_page(document_named("a\xFFz"));
  CHECK(page.find('\xFF') == std::string::npos);
  CHECK(between(page, "<title>", "</title>") == "a\xEF\xBF\xBDz · Lockstep");
  CHECK(Json::parse(data_of(page))["scenario"]["name"] == "a\xEF\xBF\xBDz");
}

TEST_CASE("page: the policy lets run what the page has, by its hash, and load nothing",
          "[unit][page]") {
  const std::string page = html_page(document_named("a"));
  const std::string style = between(page, "<style>", "</style>");
  const std::string after_data = page.substr(page.find(data_begins));
  const std::string after_library = after_data.substr(after_data.find("<script>"));
  const std::string library = between(after_library, "<script>", "</script>");
  const std::string script = between(after_library.substr(8), "<script>", "</script>");
  CHECK(library == page_assets().library);
  CHECK(script == page_assets().script);
  CHECK(between(page, R"(http-equiv="Content-Security-Policy" content=")", "\"") ==
        "default-src 'none'; script-src '" + source_hash(library) + "' '" + source_hash(script) +
            "'; style-src '" + source_hash(style) +
            "'; img-src data:; base-uri 'none'; form-action 'none'");
  CHECK(count(page, " src=\"") == count(std::string(page_assets().library), " src=\""));
}

TEST_CASE("page: the same document gives the same page", "[unit][page]") {
  CHECK(html_page(document_named("a")) == html_page(document_named("a")));
}

TEST_CASE("page: parts are rounded so that they sum", "[unit][page]") {
  // 10 s of 5, 3 and 2.
  const Json page = page_json(sample_report(), {"lockstep compare a.yaml", "1.2.3"});
  CHECK(page["version"] == "1.2.3");
  CHECK(page["command"] == "lockstep compare a.yaml");
  REQUIRE(page["plans"].size() == 3);
  const Json& partition = page["plans"][1]["partition"];
  CHECK(partition["lines"].size() == 3);
  CHECK(partition["sum"] ==
        Json{{"rounded", 10.0}, {"exact", 10.0}, {"decimals", 1}, {"unit", "s"}});
}

// FIPS 180-4's examples (csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values)
// and RFC 4648, section 10.
TEST_CASE("page: SHA-256 and base64 of their standards' examples", "[unit][page]") {
  CHECK(source_hash("") == "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  CHECK(source_hash("abc") == "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
  const auto hex = [](const std::string& bytes) {
    std::string text;
    for (const std::uint8_t byte : sha256(bytes)) text += fmt::format("{:02x}", byte);
    return text;
  };
  CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
}
