#include "target.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <typeinfo>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"

namespace tradeoff::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::array kTargets = {
    Target{"safetensors", read_safetensors},
    Target{"safetensors_index", read_safetensors_index},
    Target{"config", read_config},
    Target{"gguf", read_gguf},
    Target{"adapter_config", read_adapter_config},
    Target{"tokenizer_json", read_tokenizer_json},
    Target{"tokenizer_config", read_tokenizer_config},
    Target{"tokenizer_model", read_tokenizer_model},
    Target{"jinja", read_jinja},
    Target{"journal", read_journal},
    Target{"curve", read_curve},
    Target{"ledger", read_ledger},
    Target{"hdf5", read_hdf5},
    Target{"result_file", read_result_file},
    Target{"ini", read_ini},
    Target{"items", read_items},
    Target{"csv", read_csv},
    Target{"answers", read_answers},
    Target{"golds", read_golds},
    Target{"tables_json", read_tables_json},
    Target{"spider", read_spider},
    Target{"mmlu", read_mmlu},
    Target{"sql", read_sql},
    Target{"samples", read_samples},
};

// What only a library or a program fault says; a message may quote it from the file.
constexpr std::array<std::string_view, 8> kFromInside = {
    "json.exception", "_M_range", "std::", "basic_string",
    "std::bad_alloc", "vector::", "stoi:", "stol:"};

// Of this process, gone with it.
class Scratch {
 public:
  Scratch()
      : path_(fs::temp_directory_path() / ("tradeoff-fuzz-" + std::to_string(::getpid()))),
        owner_(::getpid()) {}
  ~Scratch() {
    if (owner_ != ::getpid()) return;  // a child that ended
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path folder_of(std::string_view target) const {
    const fs::path folder = path_ / target;
    fs::create_directories(folder);
    return folder;
  }

 private:
  fs::path path_;
  pid_t owner_;
};

[[noreturn]] void finding(const Target& target, const std::string& what) {
  std::fputs(fmt::format("finding in {}: {}\n", target.name, what).c_str(), stderr);
  std::abort();
}

// In any case: names of columns are quoted in lower case.
bool holds(std::string_view bytes, std::string_view word) {
  const auto alike = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  return !std::ranges::search(bytes, word, alike).empty();
}

// Without the places that it names: objects of a file are called as the input says. What stands
// before a place is not joined to what stands behind it: an input may hold a place itself.
std::string without_places(std::string message, const std::string& folder) {
  for (auto at = message.find(folder); at != std::string::npos; at = message.find(folder, at)) {
    const auto end = message.find(": ", at);
    message.replace(at, end == std::string::npos ? end : end - at, "(place)");
  }
  return message;
}

void judge(const Target& target, std::string_view bytes, const std::string& message,
           const fs::path& folder) {
  if (message.find(folder.string()) == std::string::npos)
    finding(target, "the message names no file: " + message);
  const std::string told = without_places(message, folder.string());
  for (const std::string_view word : kFromInside) {
    if (told.find(word) != std::string::npos && !holds(bytes, word))
      finding(target, "the message is from inside: " + message);
  }
}

}  // namespace

std::span<const Target> targets() {
  return kTargets;
}

const Target& target_of(std::string_view name) {
  std::string names;
  for (const Target& target : kTargets) {
    if (target.name == name) return target;
    names += fmt::format(" {}", target.name);
  }
  fail(fmt::format("found target \"{}\", expected one of{}", name, names));
}

void run(const Target& target, std::string_view bytes) {
  static const Scratch scratch;
  const fs::path folder = scratch.folder_of(target.name);
  try {
    target.read(folder, bytes);
  } catch (const Error& error) {
    judge(target, bytes, error.what(), folder);
  } catch (const std::exception& error) {
    finding(target, fmt::format("{}: {}", typeid(error).name(), error.what()));
  }
}

fs::path put(const fs::path& file, std::string_view bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  check(!out.fail(), file.string() + ": cannot be written");
  return file;
}

Halves halves_of(std::string_view bytes) {
  constexpr std::string_view kCut = "\n----\n";
  const std::size_t at = bytes.find(kCut);
  if (at == std::string_view::npos) return {bytes, {}};
  return {bytes.substr(0, at + 1), bytes.substr(at + kCut.size())};
}

std::string with_sums(std::string_view bytes) {
  constexpr std::string_view kLead = R"({"crc32c":"00000000",)";
  constexpr std::size_t kSum = 11, kDigits = 8;
  std::string out(bytes);
  for (std::size_t line = 0; line < out.size();) {
    const std::size_t end = std::min(out.find('\n', line), out.size());
    const std::string_view text = std::string_view(out).substr(line, end - line);
    if (text.starts_with(kLead))
      out.replace(line + kSum, kDigits, fmt::format("{:08x}", crc32c(text.substr(kLead.size()))));
    line = end + 1;
  }
  return out;
}

}  // namespace tradeoff::fuzz
