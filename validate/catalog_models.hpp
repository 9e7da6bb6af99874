// Models of the catalog by the names that tables of runs give them: "meta-llama/Meta-Llama-3-8B", "Llama 3 8B".
#pragma once

#include <map>
#include <string>

#include "scenarios/scenario.hpp"
#include "validate/run_record.hpp"

namespace lockstep {

class CatalogModels {
 public:
  explicit CatalogModels(const Catalog& catalog);

  // The model that the row names, if its layers, width and heads are the catalog's; null otherwise. Stays valid.
  const Model* find(const RunRecord& record);

  // The model that the row's name begins with, if its width and heads are the catalog's, whatever its layers: a
  // proxy of fewer layers. Null otherwise.
  const Model* find_proxy(const RunRecord& record);

 private:
  const Model& load(const std::string& name);

  const Catalog& catalog_;
  std::map<std::string, std::string> names_;   // from what is left of a name without its spelling
  std::map<std::string, Model> models_;        // those that were asked for
};

}  // namespace lockstep
