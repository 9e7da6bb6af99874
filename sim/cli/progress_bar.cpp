#include "sim/cli/progress_bar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <utility>

#include "sim/report/display.hpp"
#include "sim/report/search_words.hpp"

namespace lockstep::cli {

namespace {

constexpr std::size_t line_width = 99;  // the last column stays free: some terminals wrap there
constexpr std::size_t bar_width = 20;
constexpr std::chrono::milliseconds between{200};

// "9 s", "12 min", "3.4 h".
std::string left_text(double seconds) {
  constexpr double minute = 60;
  constexpr double hour = 3600;
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  if (seconds < 100 * minute) return fmt::format("{:.0f} min", seconds / minute);
  return fmt::format("{:.1f} h", seconds / hour);
}

}  // namespace

std::string progress_line(std::uint64_t done, std::uint64_t all, const std::string& what,
                          double elapsed_s) {
  const double share =
      all == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(all));
  const auto filled = static_cast<std::size_t>(share * bar_width);
  std::string line = fmt::format("[{}{}] {:>3.0f} %  {} of {} {}", std::string(filled, '#'),
                                 std::string(bar_width - filled, '.'), 100 * share,
                                 search_words::compact(done), search_words::compact(all), what);
  if (done == 0 || !(elapsed_s > 0)) return line;
  const double rate = static_cast<double>(done) / elapsed_s;
  line += fmt::format(", {}/s", search_words::compact(static_cast<std::uint64_t>(rate)));
  if (done >= all) return line;
  return line + fmt::format(", {} left", left_text(static_cast<double>(all - done) / rate));
}

ProgressBar::ProgressBar(std::ostream* out, std::string what, std::chrono::milliseconds patience)
    : out_(out), what_(std::move(what)), next_(start_ + patience) {}

ProgressBar::~ProgressBar() {
  clear();
}

double ProgressBar::elapsed_s() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void ProgressBar::show(std::uint64_t done, std::uint64_t all) {
  if (out_ == nullptr) return;
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + between;
  shown_ = true;
  const std::string line = progress_line(done, all, what_, elapsed_s());
  *out_ << '\r' << pad_right(cut(line, line_width), line_width) << std::flush;
}

void ProgressBar::clear() {
  if (shown_) *out_ << '\r' << std::string(line_width, ' ') << '\r' << std::flush;
  shown_ = false;
}

}  // namespace lockstep::cli
