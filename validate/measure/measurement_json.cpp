#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "validate/measure/measurement.hpp"
#include "validate/measure/measurement_fields.hpp"

namespace lockstep {
namespace {

// Keys stay in the order they are written in.
using Json = nlohmann::ordered_json;

// A number that JSON cannot hold would be written as null.
double finite(const char* key, double value) {
  if (std::isfinite(value)) return value;
  throw std::logic_error(fmt::format("measured '{}' is {}", key, value));
}

// Writes the fields of one object.
class Writer {
 public:
  [[nodiscard]] Json json() && { return std::move(json_); }

  void text(const char* key, const std::string& value) { json_[key] = value; }
  void date(const char* key, const std::string& value) { json_[key] = value; }
  void flag(const char* key, bool value) { json_[key] = value; }
  void collective(const char* key, Collective value) { json_[key] = to_string(value); }
  void texts(const char* key, const std::vector<std::string>& values) { json_[key] = values; }
  void whole(const char* key, std::int64_t value, std::int64_t /*least*/) { json_[key] = value; }
  void whole(const char* key, const std::optional<std::int64_t>& value, std::int64_t /*least*/) {
    json_[key] = value ? Json(*value) : Json(nullptr);
  }
  void number(const char* key, double value, double /*least*/) { json_[key] = finite(key, value); }
  void number(const char* key, const std::optional<double>& value, double /*least*/) {
    json_[key] = value ? Json(finite(key, *value)) : Json(nullptr);
  }
  void numbers(const char* key, const std::vector<double>& values, double /*least*/) {
    json_[key] = Json::array();
    for (const double value : values) json_[key].push_back(finite(key, value));
  }
  template <class Part>
  void object(const char* key, Part& part) {
    json_[key] = written(part);
  }
  template <class Part>
  void object(const char* key, std::optional<Part>& part) {
    json_[key] = part ? written(*part) : Json(nullptr);
  }
  template <class Part>
  void list(const char* key, std::vector<Part>& parts) {
    json_[key] = Json::array();
    for (Part& part : parts) json_[key].push_back(written(part));
  }
  void check(bool /*holds*/, const char* /*key*/, const char* /*message*/) {}

  template <class Part>
  static Json written(Part& part) {
    Writer writer;
    measurement_fields::describe(writer, part);
    return std::move(writer).json();
  }

 private:
  Json json_ = Json::object();
};

}  // namespace

std::string measurement_json(const Measurement& measurement) {
  Measurement copy = measurement;  // the table of keys is one for writing and reading
  Json json = {{"lockstep_measurement", measurement_version}};
  json.update(Writer::written(copy));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace lockstep
