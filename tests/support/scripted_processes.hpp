// One process of a run whose other processes are made up.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "validate/measure/processes.hpp"

namespace lockstep::test {

// Thrown in place of ending the process.
struct Aborted {
  int code = 0;
};

class ScriptedProcesses : public Processes {
 public:
  int own_rank = 0;
  // What the others give where this one gives `value`; by rank, the own place left out.
  std::function<std::vector<double>(double value)> others = [](double) { return std::vector<double>{}; };
  std::vector<std::string> other_texts;
  int arrivals = 0;  // calls of let_words_arrive

  [[nodiscard]] int rank() const override { return own_rank; }
  [[nodiscard]] int size() const override { return static_cast<int>(others(0).size()) + 1; }
  void barrier() override {}
  void broadcast(std::span<std::byte> /*bytes*/, int /*root*/) override {}
  [[nodiscard]] std::vector<double> gather(double value) override {
    std::vector<double> all = others(value);
    all.insert(all.begin() + own_rank, value);
    return all;
  }
  [[nodiscard]] std::vector<std::string> gather(const std::string& text) override {
    std::vector<std::string> all = other_texts;
    all.insert(all.begin() + own_rank, text);
    return all;
  }
  void let_words_arrive() override { ++arrivals; }
  [[noreturn]] void abort(int code) override { throw Aborted{code}; }
  [[nodiscard]] std::string library() const override { return "scripted"; }
};

}  // namespace lockstep::test
