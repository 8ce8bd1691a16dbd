// A result file as this program writes it, in which objects are then exchanged for others of HDF5's
// many: what stays valid HDF5 must be read or refused.
#include <hdf5.h>

#include <array>
#include <fstream>
#include <string>
#include <vector>

#include "target.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/results/prompt_table.hpp"
#include "tradeoff/results/reduce.hpp"
#include "tradeoff/store/predictions_file.hpp"

namespace tradeoff::fuzz {
namespace {

namespace fs = std::filesystem;

store::Predictions sample() {
  store::Predictions p;
  p.config = {{"study", {{"name", "tiny"}, {"primary", "exec"}}}};
  p.commit = "none";
  p.versions = {{"task_spider", "1"}};
  store::Table items;
  items.add("id", store::Strings{"0", "1"});
  items.add("db_id", store::Strings{"pets", "pets"});
  items.add("question", store::Strings{"How many?", "Which?"});
  items.add("query", store::Strings{"SELECT count(*) FROM pet", "SELECT name FROM pet"});
  items.add("hardness", store::Strings{"easy", "easy"});
  p.items["spider"] = items;
  store::RaggedInts ids;
  ids.add(store::Ints{5, 6});
  ids.add(store::Ints{});
  store::Table rows;
  rows.add("item", store::Ints{0, 1});
  rows.add("text", store::Strings{"SELECT 1", ""});
  rows.add("token_ids", ids);
  rows.add("prompt_tokens", store::Ints{10, 12});
  rows.add("sql", store::Strings{"SELECT 1", ""});
  rows.add("exec", store::Flags{1, 0});
  rows.add("set", store::Flags{1, -1});
  rows.add("soft_f1", store::Doubles{0.5, 0});
  rows.add("outcome", store::Strings{"ok", "empty_output"});
  rows.add("error_class", store::Strings{"", "empty_output"});
  p.runs[{"base", 1, "spider"}] = {rows, {}, {{"prompts_sha256", std::string("0123456789abcdef")}}};
  store::Table curve;
  curve.add("step", store::Ints{1, 2});
  curve.add("loss", store::Doubles{2.5, 2});
  p.training[{"base", 1}] = curve;
  p.summary["prompts-0123456789abcdef"] =
      results::prompt_table(std::vector<std::string>{"a prompt", "a question"});
  return p;
}

herr_t note_object(hid_t, const char* name, const H5O_info_t*, void* names) {
  if (std::string_view(name) != ".")
    static_cast<std::vector<std::string>*>(names)->push_back("/" + std::string(name));
  return 0;
}

// What the fuzzer's bytes say, number by number; 0 at their end.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : bytes_(bytes) {}
  bool left() const { return at_ < bytes_.size(); }
  unsigned next(unsigned below) {
    return left() ? static_cast<unsigned char>(bytes_[at_++]) % below : 0;
  }
  std::string text(std::size_t size) {
    const std::string taken(bytes_.substr(std::min(at_, bytes_.size()), size));
    at_ += size;
    return taken;
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

class Changer {
 public:
  Changer(const fs::path& file, Choices choices)
      : file_(H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)), choices_(choices) {
    check(file_ >= 0, "H5Fopen");
    H5Ovisit(file_, H5_INDEX_NAME, H5_ITER_INC, note_object, &names_);
  }
  ~Changer() { H5Fclose(file_); }

  void change() {
    for (int i = 0; i < 8 && choices_.left(); ++i) {
      const std::string name = object();
      switch (choices_.next(5)) {
        case 0:
          H5Ldelete(file_, name.c_str(), H5P_DEFAULT);
          break;
        case 1:
          H5Ldelete(file_, name.c_str(), H5P_DEFAULT);
          dataset(name);
          break;
        case 2:
          attribute(choices_.next(2) ? "/" : name);
          break;
        case 3:
          H5Lmove(file_, name.c_str(), file_, object().c_str(), H5P_DEFAULT, H5P_DEFAULT);
          break;
        case 4:
          dataset(name + choices_.text(3));
          break;
      }
    }
  }

 private:
  std::string object() { return names_[choices_.next(static_cast<unsigned>(names_.size()))]; }

  hid_t type() {
    const hid_t types[] = {H5T_NATIVE_INT64, H5T_NATIVE_INT8,   H5T_NATIVE_DOUBLE,
                           H5T_NATIVE_FLOAT, H5T_NATIVE_UINT64, H5T_NATIVE_UINT16,
                           H5T_C_S1,         H5T_C_S1};
    const unsigned chosen = choices_.next(8);
    const hid_t made = H5Tcopy(types[chosen]);
    if (chosen == 6) H5Tset_size(made, H5T_VARIABLE);
    if (chosen == 7) H5Tset_size(made, 4);
    return made;
  }

  hid_t space() {
    const unsigned rank = choices_.next(4);
    if (rank == 0) return H5Screate(choices_.next(2) ? H5S_SCALAR : H5S_NULL);
    std::array<hsize_t, 3> shape{};
    for (unsigned i = 0; i < rank; ++i) shape[i] = choices_.next(4);
    return H5Screate_simple(static_cast<int>(rank), shape.data(), nullptr);
  }

  // Enough bytes for 27 values; as variable-length strings, pointers to one text.
  void fill(hid_t made_type, const std::function<void(const void*)>& write) {
    std::string text = choices_.text(16);
    std::vector<const char*> pointers(32, text.c_str());
    std::string raw(32 * 8, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) raw[i] = text[i];
    write(H5Tis_variable_str(made_type) > 0 ? static_cast<const void*>(pointers.data())
                                            : raw.data());
  }

  void dataset(const std::string& name) {
    const hid_t of = type(), shape = space();
    const hid_t made =
        H5Dcreate2(file_, name.c_str(), of, shape, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (made >= 0) {
      fill(of, [&](const void* from) { H5Dwrite(made, of, H5S_ALL, H5S_ALL, H5P_DEFAULT, from); });
      H5Dclose(made);
    }
    H5Sclose(shape);
    H5Tclose(of);
  }

  void attribute(const std::string& object) {
    static constexpr const char* kNames[] = {"schema_version", "config",   "commit", "versions",
                                             "prompts_sha256", "encoding", "x"};
    const char* const name = kNames[choices_.next(7)];
    H5Adelete_by_name(file_, object.c_str(), name, H5P_DEFAULT);
    const hid_t of = type(), shape = space();
    const hid_t made = H5Acreate_by_name(file_, object.c_str(), name, of, shape, H5P_DEFAULT,
                                         H5P_DEFAULT, H5P_DEFAULT);
    if (made >= 0) {
      fill(of, [&](const void* from) { H5Awrite(made, of, from); });
      H5Aclose(made);
    }
    H5Sclose(shape);
    H5Tclose(of);
  }

  hid_t file_;
  Choices choices_;
  std::vector<std::string> names_;
};

}  // namespace

void read_result_file(const fs::path& folder, std::string_view bytes) {
  static const std::string whole = [&] {
    store::write_predictions(folder / "whole.h5", sample());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    return read_text(folder / "whole.h5");
  }();
  const fs::path path = put(folder / "predictions.h5", whole);
  Changer(path, Choices(bytes)).change();
  // So that it is read here, and not by a child first.
  put(folder / "complete.json", to_line(Json{{"predictions_sha256", sha256(read_text(path))}}));
  const store::Predictions read = store::read_predictions(path);
  try {
    (void)results::score_tables(read, results::primary_of(read));
    for (const auto& [name, table] : read.summary) {
      if (name.starts_with("prompts-")) (void)results::prompts_of(table);
    }
  } catch (const Error& error) {
    fail(path.string() + ": " + error.what());
  }
}

}  // namespace tradeoff::fuzz
