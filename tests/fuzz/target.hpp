#pragma once
#include <filesystem>
#include <span>
#include <string_view>

/// Readers of files that come from elsewhere, each given bytes that may be anything. One program
/// holds them all: built by clang with libFuzzer it looks for bytes that break one (run.sh), built
/// as any other test it reads the kept ones again.
namespace tradeoff::fuzz {

struct Target {
  std::string_view name;
  /// Reads `bytes` as a file of its format, in a folder of its own. Returns, or throws Error.
  void (*read)(const std::filesystem::path& folder, std::string_view bytes);
};

std::span<const Target> targets();
/// Throws Error with the list of names.
const Target& target_of(std::string_view name);

/// Gives `bytes` to the target. Anything but a return or an Error that names the file and speaks of
/// what is in it is a finding: it is told, and ends the process.
void run(const Target& target, std::string_view bytes);

/// Writes FOLDER/NAME, not synced, and returns its path.
std::filesystem::path put(const std::filesystem::path& file, std::string_view bytes);

/// The bytes up to the first line "----" and those after it; all and none where there is no such
/// line.
struct Halves {
  std::string_view first, second;
};
Halves halves_of(std::string_view bytes);

/// A file of sealed lines (store/sealed_line.hpp) in which the sum "00000000" stands for the right
/// one, so that what lies behind the sum is reached.
std::string with_sums(std::string_view bytes);

// The targets, by the module that reads.
void read_safetensors(const std::filesystem::path& folder, std::string_view bytes);
void read_safetensors_index(const std::filesystem::path& folder, std::string_view bytes);
void read_config(const std::filesystem::path& folder, std::string_view bytes);
void read_gguf(const std::filesystem::path& folder, std::string_view bytes);
void read_adapter_config(const std::filesystem::path& folder, std::string_view bytes);
void read_tokenizer_json(const std::filesystem::path& folder, std::string_view bytes);
void read_tokenizer_config(const std::filesystem::path& folder, std::string_view bytes);
void read_tokenizer_model(const std::filesystem::path& folder, std::string_view bytes);
void read_jinja(const std::filesystem::path& folder, std::string_view bytes);
void read_journal(const std::filesystem::path& folder, std::string_view bytes);
void read_curve(const std::filesystem::path& folder, std::string_view bytes);
void read_ledger(const std::filesystem::path& folder, std::string_view bytes);
void read_hdf5(const std::filesystem::path& folder, std::string_view bytes);
void read_result_file(const std::filesystem::path& folder, std::string_view bytes);
void read_ini(const std::filesystem::path& folder, std::string_view bytes);
void read_items(const std::filesystem::path& folder, std::string_view bytes);
void read_csv(const std::filesystem::path& folder, std::string_view bytes);
void read_answers(const std::filesystem::path& folder, std::string_view bytes);
void read_golds(const std::filesystem::path& folder, std::string_view bytes);
void read_tables_json(const std::filesystem::path& folder, std::string_view bytes);
void read_spider(const std::filesystem::path& folder, std::string_view bytes);
void read_mmlu(const std::filesystem::path& folder, std::string_view bytes);
void read_sql(const std::filesystem::path& folder, std::string_view bytes);
void read_samples(const std::filesystem::path& folder, std::string_view bytes);

}  // namespace tradeoff::fuzz
