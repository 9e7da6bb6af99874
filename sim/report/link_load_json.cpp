#include "sim/report/link_load_json.hpp"

#include <cmath>

namespace lockstep {

namespace {

using Json = nlohmann::ordered_json;

// Null where it is infinite: JSON has no such number.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

}  // namespace

nlohmann::ordered_json link_loads_json(const LinkLoads& loads) {
  Json classes = Json::array();
  for (const LinkLoad& load : loads.classes) {
    Json flows = Json::array();
    for (const FlowLoad& flow : load.flows) {
      flows.push_back({{"name", flow.flow},
                       {"bytes", flow.bytes.value()},
                       {"busy_s", number(flow.busy.value())},
                       {"share", flow.bytes / load.bytes}});
    }
    classes.push_back({{"class", key_of(load.link_class)},
                       {"from", load.from},
                       {"to", load.to},
                       {"bandwidth_bytes_per_s", load.bandwidth.value()},
                       {"bytes_per_step", load.bytes.value()},
                       {"busy_s", number(load.busy.value())},
                       {"flows", flows}});
  }
  Json json{{"complete", loads.complete}, {"classes", classes}};
  json["cut_off"] = loads.cut_off.empty() ? Json(nullptr) : Json(loads.cut_off);
  json["bottleneck"] =
      loads.bottleneck ? Json(key_of(loads.classes[*loads.bottleneck].link_class)) : Json(nullptr);
  return json;
}

}  // namespace lockstep
