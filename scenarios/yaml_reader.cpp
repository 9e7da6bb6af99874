#include "scenarios/yaml_reader.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <system_error>
#include <unordered_set>

#include "scenarios/text_check.hpp"
#include "scenarios/utf8.hpp"
#include "scenarios/yaml_syntax_error.hpp"

namespace lockstep {
namespace {

constexpr std::size_t most_nodes = 20'000;

// Thrown through the parser to end it; the reason is already among the problems.
struct Stop {};

// Bytes from a quotation mark to the one that closes it, both included; npos where none does.
std::size_t quoted_length(std::string_view text) {
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote && quote == '\'' && i + 1 < text.size() && text[i + 1] == quote) {
      ++i;
    } else if (text[i] == quote) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

// Bytes of the scalar that begins at `rest`, within its line.
std::size_t scalar_length(std::string_view rest, const std::string& value) {
  if (rest.empty()) return 1;
  const char quote = rest.front();
  if (quote == '"' || quote == '\'') return std::min(rest.size(), quoted_length(rest));
  if (rest.substr(0, value.size()) == value) return std::max<std::size_t>(1, value.size());
  return quote == '|' || quote == '>' ? 1 : rest.size();
}

// Builds the tree from the parser's events, and reports what the parser lets pass.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::shared_ptr<const SourceText> source, std::vector<Diagnostic>& problems, std::size_t first_column)
      : source_(std::move(source)), problems_(problems), first_column_(first_column) {}

  [[nodiscard]] std::optional<Node> take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 2) {
      report(at(mark), "E108", "the file holds more than one YAML document",
             "keep one document per file: remove the '---' or '...' before this line and what follows");
      throw Stop{};
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.where = at(mark);
    refuse_properties(node.where, "", anchor);
    add(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Node node;
    node.where = at(mark);
    report(node.where, "E109", "aliases (*name) are not supported", "write the value out");
    add(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.kind = Node::Kind::scalar;
    node.text = value;
    node.quoted = tag == "!";
    node.where = at(mark);
    node.where.length = scalar_length(rest_of_line(node.where), value);
    if (node.quoted) require_closing_quote(node.where);
    refuse_properties(node.where, tag, anchor);
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  // A list or map under construction; of a map also the key whose value comes next.
  struct Frame {
    Node node;
    std::unordered_set<std::string> keys;
    std::string key;
    Location key_at;
    bool has_key = false;
    bool drop_value = false;
  };

  [[nodiscard]] Location at(const YAML::Mark& mark) const {
    Location where;
    where.source = source_;
    if (!mark.is_null()) {
      where.line = static_cast<std::size_t>(mark.line);
      where.column = static_cast<std::size_t>(mark.column) + (mark.line == 0 ? first_column_ : 0);
    }
    return where;
  }

  [[nodiscard]] std::string_view rest_of_line(const Location& where) const {
    const std::string_view line = source_->line(where.line);
    return line.substr(std::min(where.column, line.size()));
  }

  void report(const Location& where, const char* code, std::string message, std::string hint) {
    problems_.push_back(diagnose(where, code, std::move(message), std::move(hint)));
  }

  void refuse_properties(const Location& where, const std::string& tag, YAML::anchor_t anchor) {
    const std::string_view rest = rest_of_line(where);
    if (anchor != YAML::NullAnchor) {
      report(where, "E109", "anchors (&name) are not supported", "remove the anchor and write values out");
    }
    const bool tagged = (!tag.empty() && tag != "?" && tag != "!") || rest.substr(0, 1) == "!";
    if (tagged) report(where, "E110", "tags (!name) are not supported", "remove the tag");
  }

  // The parser takes the end of the file for a quotation mark.
  void require_closing_quote(const Location& where) {
    const std::string_view rest = rest_of_line(where);
    if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) return;
    const std::size_t offset = static_cast<std::size_t>(rest.data() - source_->text().data());
    if (quoted_length(std::string_view(source_->text()).substr(offset)) != std::string_view::npos) return;
    report(Location{where.source, where.line, where.column, 1}, "E105", "this quotation mark is not closed", "close it");
    throw Stop{};
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    Frame frame;
    frame.node.kind = kind;
    frame.node.where = at(mark);
    refuse_properties(frame.node.where, tag, anchor);
    if (frames_.size() >= deepest_yaml_nesting) {
      report(frame.node.where, "E106", fmt::format("maps and lists are nested more than {} deep", deepest_yaml_nesting),
             "a scenario needs five or six levels; is a bracket not closed?");
      throw Stop{};
    }
    frames_.push_back(std::move(frame));
  }

  void close() {
    Node node = std::move(frames_.back().node);
    frames_.pop_back();
    add(std::move(node));
  }

  void add(Node node) {
    if (++nodes_ > most_nodes) {
      report(node.where, "E102", fmt::format("the file holds more than {} values", most_nodes),
             "is this the right file? Scenario and catalog files have a few hundred");
      throw Stop{};
    }
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == Node::Kind::list) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.has_key) {
      take_key(frame, node);
    } else {
      frame.has_key = false;
      if (frame.drop_value) return;
      // An absent value is marked at what follows it; its key is the better place.
      if (node.kind == Node::Kind::null) node.where = frame.key_at;
      frame.node.entries.push_back(Entry{std::move(frame.key), frame.key_at, std::move(node)});
    }
  }

  void take_key(Frame& frame, const Node& node) {
    frame.has_key = true;
    frame.drop_value = true;
    frame.key = node.text;
    frame.key_at = node.where;
    if (node.kind != Node::Kind::scalar || node.text.empty()) {
      report(node.where, "E111", "a key must be a name", "write 'key: value'");
    } else if (node.text == "<<" && !node.quoted) {
      report(node.where, "E109", "merge keys (<<) are not supported",
             "write the keys out, or name a catalog entry with 'based_on'");
    } else if (!frame.keys.insert(node.text).second) {
      const Entry* first = frame.node.find(node.text);
      report(node.where, "E107", fmt::format("the key '{}' is given twice", shortened(node.text)),
             first == nullptr ? "keep one of them"
                              : fmt::format("keep one of them; the first is in {}", line_reference(first->where)));
    } else {
      frame.drop_value = false;
    }
  }

  std::shared_ptr<const SourceText> source_;
  std::vector<Diagnostic>& problems_;
  std::size_t first_column_;
  std::size_t documents_ = 0;
  std::size_t nodes_ = 0;
  std::vector<Frame> frames_;
  std::optional<Node> root_;
};

Diagnostic about_file(const std::filesystem::path& file, const char* code, std::string message, std::string hint) {
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.file = file.string();
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  return diagnostic;
}

}  // namespace

std::optional<std::string> read_text_file(const std::filesystem::path& file, Origin origin,
                                          std::vector<Diagnostic>& problems) {
  const char* hint = origin == Origin::catalog ? "is the catalog complete, and may you read it?"
                                               : "give the path of a scenario file, such as scenarios/NAME.yaml";
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) {
    const bool missing = !error || error == std::errc::no_such_file_or_directory;
    problems.push_back(about_file(file, "E101", missing ? "there is no such file" : "cannot read it: " + error.message(),
                                  hint));
    return std::nullopt;
  }
  if (std::filesystem::is_directory(status)) {
    problems.push_back(about_file(file, "E101", "is a folder, not a file", hint));
    return std::nullopt;
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    problems.push_back(about_file(file, "E101", "cannot be opened", "may you read the file?"));
    return std::nullopt;
  }
  // Read piece by piece up to the limit: pipes and devices have no size to ask for.
  std::string text;
  char piece[1 << 14];
  while (text.size() <= largest_yaml_bytes && stream.read(piece, sizeof piece).gcount() > 0) {
    text.append(piece, static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad()) {
    problems.push_back(about_file(file, "E101", "cannot be read to its end", "may you read the file?"));
    return std::nullopt;
  }
  if (text.size() > largest_yaml_bytes) {
    problems.push_back(about_file(file, "E102", fmt::format("the file has more than {} bytes", largest_yaml_bytes),
                                  "is this the right file? Scenario and catalog files have a few kilobytes"));
    return std::nullopt;
  }
  return text;
}

std::optional<Node> parse_yaml(std::shared_ptr<const SourceText> source, std::vector<Diagnostic>& problems,
                               std::size_t first_column) {
  const std::size_t known_problems = problems.size();
  if (std::optional<Diagnostic> unreadable = find_unreadable_text(source)) {
    problems.push_back(std::move(*unreadable));
    return std::nullopt;
  }
  TreeBuilder builder(source, problems, first_column);
  try {
    std::istringstream stream(source->text().substr(first_column));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
  } catch (const YAML::Exception& error) {
    problems.push_back(explain_syntax_error(source, error, first_column));
    return std::nullopt;
  }
  std::optional<Node> root = builder.take_root();
  if (root && root->kind == Node::Kind::null) root.reset();
  if (!root && problems.size() == known_problems) {
    if (source->origin() == Origin::setting) {
      problems.push_back(diagnose(Location{source, 0, first_column, 1}, "E104", "the setting has no value",
                                  "write it like training.global_batch=512"));
    } else {
      problems.push_back(about_file(source->name(), "E104", "the file is empty",
                                    "write 'key: value' lines; comments alone say nothing"));
    }
  }
  return root;
}

}  // namespace lockstep
