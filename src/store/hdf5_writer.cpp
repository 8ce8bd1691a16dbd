#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "hdf5_handle.hpp"
#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/store/hdf5.hpp"

namespace tradeoff::store {
namespace {

// Up to this many attributes stand in the object's own header, where h5ls and old readers look
// first.
constexpr unsigned kCompactAttributes = 64;

std::string storable(const std::string& text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > 0; });
  if (plain) return text;
  std::string utf8 = Json::parse(to_line(Json(text))).get<std::string>();
  for (auto at = utf8.find('\0'); at != std::string::npos; at = utf8.find('\0', at)) {
    utf8.replace(at, 1, "\u2400");
  }
  return utf8;
}

std::vector<double> with_one_nan(std::vector<double> values) {
  for (double& value : values) {
    if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  }
  return values;
}

}  // namespace

struct Hdf5Writer::Impl {
  std::filesystem::path path;
  Handle file;

  explicit Impl(std::filesystem::path to) : path(std::move(to)), file(create()) {}

  std::string place(const std::string& object) const {
    return fmt::format("{}:{}", path.string(), object);
  }

  // The file is a group too: the same properties hold for its root.
  Handle group_properties(hid_t kind, const std::string& where) const {
    Handle list(H5Pcreate(kind), H5Pclose, "H5Pcreate", where);
    check_hdf5(H5Pset_obj_track_times(list.get(), false), "H5Pset_obj_track_times", where);
    check_hdf5(
        H5Pset_link_creation_order(list.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED),
        "H5Pset_link_creation_order", where);
    check_hdf5(H5Pset_attr_phase_change(list.get(), kCompactAttributes, 0),
               "H5Pset_attr_phase_change", where);
    return list;
  }

  Handle create() const {
    silence_hdf5();
    const std::string where = place("/");
    const Handle access = memory_access(where), creation = group_properties(H5P_FILE_CREATE, where);
    return {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose,
            "H5Fcreate", where};
  }

  Handle open(const std::string& object) const {
    return {H5Oopen(file.get(), object.c_str(), H5P_DEFAULT), H5Oclose, "H5Oopen", place(object)};
  }

  void write(const std::string& object, const std::vector<hsize_t>& shape, hid_t file_type,
             hid_t memory_type, const void* data) const {
    const std::string where = place(object);
    const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                       H5Sclose, "H5Screate_simple", where);
    const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "H5Pcreate", where);
    check_hdf5(H5Pset_obj_track_times(properties.get(), false), "H5Pset_obj_track_times", where);
    const Handle dataset(H5Dcreate2(file.get(), object.c_str(), file_type, space.get(), H5P_DEFAULT,
                                    properties.get(), H5P_DEFAULT),
                         H5Dclose, "H5Dcreate2", where);
    if (std::find(shape.begin(), shape.end(), 0u) != shape.end()) return;
    check_hdf5(H5Dwrite(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data),
               "H5Dwrite", where);
  }

  void put(const std::string& object, const Ints& values) const {
    write(object, {values.size()}, H5T_STD_I64LE, H5T_NATIVE_INT64, values.data());
  }
  void put(const std::string& object, const Doubles& values) const {
    write(object, {values.size()}, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, with_one_nan(values).data());
  }
  void put(const std::string& object, const Flags& values) const {
    write(object, {values.size()}, H5T_STD_I8LE, H5T_NATIVE_INT8, values.data());
  }
  void put(const std::string& object, const Strings& values) const {
    Strings texts;
    for (const auto& value : values) texts.push_back(storable(value));
    std::vector<const char*> pointers;
    for (const auto& text : texts) pointers.push_back(text.c_str());
    const Handle type = string_type(place(object));
    write(object, {values.size()}, type.get(), type.get(), pointers.data());
  }
  void put(const std::string& object, const Matrix& matrix) const {
    check(matrix.width > 0 && matrix.values.size() % matrix.width == 0,
          fmt::format("{}: {} numbers are no rows of width {}", place(object), matrix.values.size(),
                      matrix.width));
    write(object, {matrix.rows(), matrix.width}, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE,
          with_one_nan(matrix.values).data());
  }
};

Hdf5Writer::Hdf5Writer(std::filesystem::path path)
    : impl_(std::make_unique<Impl>(std::move(path))) {}
Hdf5Writer::~Hdf5Writer() = default;

void Hdf5Writer::group(const std::string& path) {
  check(path.starts_with('/'), fmt::format("{}: a path begins with '/'", impl_->place(path)));
  const Handle properties = impl_->group_properties(H5P_GROUP_CREATE, impl_->place(path));
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    const std::string where = impl_->place(part);
    if (part != "/") {
      const htri_t exists = H5Lexists(impl_->file.get(), part.c_str(), H5P_DEFAULT);
      check_hdf5(exists, "H5Lexists", where);
      if (!exists) {
        const Handle made(
            H5Gcreate2(impl_->file.get(), part.c_str(), H5P_DEFAULT, properties.get(), H5P_DEFAULT),
            H5Gclose, "H5Gcreate2", where);
      }
    }
    if (end == std::string::npos) return;
  }
}

void Hdf5Writer::attribute(const std::string& object, const std::string& name,
                           const Attribute& value) {
  const std::string where = fmt::format("{}@{}", impl_->place(object), name);
  const Handle owner = impl_->open(object), text_type = string_type(where);
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose, "H5Screate", where);
  constexpr std::size_t kText = 0, kInt = 1;
  const std::string text = value.index() == kText ? storable(std::get<kText>(value)) : "";
  const char* pointer = text.c_str();
  hid_t file_type = H5T_IEEE_F64LE, memory_type = H5T_NATIVE_DOUBLE;
  const void* data = std::get_if<double>(&value);
  if (value.index() == kText) {
    file_type = memory_type = text_type.get();
    data = &pointer;
  } else if (value.index() == kInt) {
    file_type = H5T_STD_I64LE;
    memory_type = H5T_NATIVE_INT64;
    data = std::get_if<kInt>(&value);
  }
  const Handle made(
      H5Acreate2(owner.get(), name.c_str(), file_type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose, "H5Acreate2", where);
  check_hdf5(H5Awrite(made.get(), memory_type, data), "H5Awrite", where);
}

void Hdf5Writer::column(const std::string& path, const Column& column) {
  if (const auto* ragged = std::get_if<RaggedInts>(&column)) {
    group(path);
    attribute(path, kEncoding, kRagged);
    impl_->put(path + "/offsets", ragged->offsets);
    impl_->put(path + "/values", ragged->values);
    return;
  }
  std::visit(
      [&](const auto& values) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(values)>, RaggedInts>) {
          impl_->put(path, values);
        }
      },
      column);
}

void Hdf5Writer::table(const std::string& path, const Table& table) {
  group(path);
  for (const auto& [name, values] : table.columns()) column(path + "/" + name, values);
}

void Hdf5Writer::commit() {
  const std::string where = impl_->path.string();
  const hid_t file = impl_->file.get();
  check_hdf5(H5Fflush(file, H5F_SCOPE_GLOBAL), "H5Fflush", where);
  const ssize_t size = H5Fget_file_image(file, nullptr, 0);
  check_hdf5(size, "H5Fget_file_image", where);
  std::string image(static_cast<std::size_t>(size), '\0');
  check_hdf5(H5Fget_file_image(file, image.data(), image.size()), "H5Fget_file_image", where);
  write_atomically(impl_->path, image);
}

}  // namespace tradeoff::store
