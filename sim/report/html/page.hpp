// The HTML report: one file that works offline, with everything that the JSON says and pictures.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sim/report/report.hpp"

namespace lockstep {

struct SearchReport;

// Where a page comes from, for its foot.
struct PageOrigin {
  std::string command;  // "lockstep compare a.yaml"
  std::string version;
};

// A document of `--format json` becomes one for a page by a key more: document["page"] is what only
// pictures need. Of a report it follows its plans, of a search its best plans, whose details it
// has in `detailed`, since the document of a search leaves them out.
nlohmann::ordered_json page_json(const Report& report, const PageOrigin& origin);
nlohmann::ordered_json page_json(const SearchReport& report, const PageOrigin& origin);

// The page: the document as data, the scripts that draw it, a content-security policy that lets
// nothing else run or load. What the document lacks is left out. The same for the same document.
std::string html_page(const nlohmann::ordered_json& document);

}  // namespace lockstep
