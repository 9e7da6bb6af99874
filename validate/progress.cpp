#include "validate/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "sim/report/display.hpp"

namespace lockstep::validation {
namespace {

constexpr std::size_t width = 60;
constexpr std::chrono::milliseconds between{200};

}  // namespace

Progress::~Progress() {
  if (shown_) err_ << "\r" << std::string(width, ' ') << "\r" << std::flush;
}

void Progress::show(std::size_t done, std::size_t of) {
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + between;
  shown_ = true;
  const std::string text =
      fmt::format("{} of {} {}, {} %", done, of, what_, 100 * done / std::max<std::size_t>(1, of));
  err_ << "\r" << pad_right(cut(text, width), width) << std::flush;
}

}  // namespace lockstep::validation
