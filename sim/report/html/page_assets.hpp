// The files that the HTML report is put together from, as they lie in sim/report/html/; the build
// makes the source of this.
#pragma once

#include <string_view>

namespace lockstep {

struct PageAssets {
  std::string_view skeleton;  // page.html, with {{names}} where the rest goes
  std::string_view style;
  std::string_view library;  // Apache ECharts
  std::string_view script;   // all of page/*.js, one after the other
};

PageAssets page_assets();

}  // namespace lockstep
