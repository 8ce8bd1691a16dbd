#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "hdf5_handle.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/store/hdf5.hpp"

namespace tradeoff::store {
namespace {

// Deflate shrinks 1,032 bytes to one at best.
constexpr hsize_t kMostDeflated = 1032;

// The core driver takes two files of one name for the same file.
std::string unique_name(const std::filesystem::path& path) {
  static std::atomic<unsigned> opened = 0;
  return fmt::format("{}#{}", path.string(), opened++);
}

herr_t append_name(hid_t, const char* name, const H5L_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

// Hdf5Writer makes hard links alone; any other leads outside the file or in circles.
herr_t find_foreign_link(hid_t, const char* name, const H5L_info_t* info, void* found) {
  if (info->type == H5L_TYPE_HARD) return 0;
  *static_cast<std::string*>(found) = name;
  return 1;
}

herr_t append_attribute_name(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

// Where HDF5 would make room for a copy of the image, it gets the image: nothing is copied, grown
// or freed.
void* take_image(std::size_t, H5FD_file_image_op_t, void* image) {
  return image;
}
void* leave_image(void* to, const void*, std::size_t, H5FD_file_image_op_t, void*) {
  return to;
}
void* refuse_growth(void*, std::size_t, H5FD_file_image_op_t, void*) {
  return nullptr;
}
herr_t keep_image(void*, H5FD_file_image_op_t, void*) {
  return 0;
}
void* same_image(void* image) {
  return image;
}
herr_t keep_same_image(void*) {
  return 0;
}

}  // namespace

struct Hdf5Reader::Impl {
  std::filesystem::path path;
  MappedFile image;
  Handle file;

  explicit Impl(const std::filesystem::path& from) : path(from), image(from), file(open_file()) {
    std::string foreign;
    check_hdf5(H5Lvisit(file.get(), H5_INDEX_NAME, H5_ITER_NATIVE, find_foreign_link, &foreign),
               "H5Lvisit", path.string());
    check(foreign.empty(), place("/" + foreign) +
                               ": a soft or external link; a result file holds nothing that "
                               "stands elsewhere");
  }

  std::string place(const std::string& object) const {
    return fmt::format("{}:{}", path.string(), object);
  }

  // From the mapped file: HDF5's own opening takes a file lock that some cluster file systems
  // refuse.
  Handle open_file() const {
    silence_hdf5();
    // No code of filters that a file names and this library does not have.
    check_hdf5(H5PLset_loading_state(0), "H5PLset_loading_state", path.string());
    const std::string where = path.string();
    check(image.size() > 0, where + ": the file is empty, expected HDF5");
    check(image.text().starts_with("\x89HDF\r\n\x1a\n"),
          where + ": not a whole HDF5 file: it does not begin as one");
    const Handle access = memory_access(where);
    // Opened for reading, it is not written to.
    auto* bytes = const_cast<std::byte*>(image.bytes().data());
    H5FD_file_image_callbacks_t in_place{take_image, leave_image,     refuse_growth, keep_image,
                                         same_image, keep_same_image, bytes};
    check_hdf5(H5Pset_file_image_callbacks(access.get(), &in_place), "H5Pset_file_image_callbacks",
               where);
    check_hdf5(H5Pset_file_image(access.get(), bytes, image.size()), "H5Pset_file_image", where);
    return {H5Fopen(unique_name(path).c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose,
            "not a whole HDF5 file: H5Fopen", where};
  }

  Handle open(const std::string& object) const {
    return {H5Oopen(file.get(), object.c_str(), H5P_DEFAULT), H5Oclose, "H5Oopen", place(object)};
  }

  bool is_group(const std::string& object) const {
    return H5Iget_type(open(object).get()) == H5I_GROUP;
  }

  // Reads a dataset or an attribute of strings, whose memory HDF5 allocates.
  template <typename Read>
  Strings read_strings(hid_t space, std::size_t count, const std::string& where, Read read) const {
    const Handle type = string_type(where);
    std::vector<char*> pointers(count, nullptr);
    Strings texts;
    if (count == 0) return texts;
    check_hdf5(read(type.get(), pointers.data()), "reading strings", where);
    for (const char* pointer : pointers) texts.emplace_back(pointer ? pointer : "");
    check_hdf5(H5Dvlen_reclaim(type.get(), space, H5P_DEFAULT, pointers.data()), "H5Dvlen_reclaim",
               where);
    return texts;
  }

  template <typename Values>
  Values read_numbers(hid_t dataset, hid_t memory_type, std::size_t count,
                      const std::string& where) const {
    Values values(count);
    if (count == 0) return values;
    check_hdf5(H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
               "H5Dread", where);
    return values;
  }

  // Before anything is read or allocated: the values stand in this file, and as many as it says.
  void check_storage(hid_t dataset, std::size_t bytes, const std::string& where) const {
    const Handle made(H5Dget_create_plist(dataset), H5Pclose, "H5Dget_create_plist", where);
    check(H5Pget_layout(made.get()) != H5D_VIRTUAL && H5Pget_external_count(made.get()) == 0,
          where + ": its values stand in another file, which a result file may not read");
    const bool filtered = H5Pget_nfilters(made.get()) > 0;
    const hsize_t stored = H5Dget_storage_size(dataset);
    const hsize_t most = filtered ? stored * kMostDeflated : stored;
    check(bytes <= most,
          fmt::format("{}: says that it holds {} bytes, but {} are stored", where, bytes, stored));
  }

  Column read(const std::string& object) const {
    const std::string where = place(object);
    const Handle dataset(H5Dopen2(file.get(), object.c_str(), H5P_DEFAULT), H5Dclose, "H5Dopen2",
                         where);
    const Handle type(H5Dget_type(dataset.get()), H5Tclose, "H5Dget_type", where);
    const Handle space(H5Dget_space(dataset.get()), H5Sclose, "H5Dget_space", where);
    const int dimensions = H5Sget_simple_extent_ndims(space.get());
    check(dimensions == 1 || dimensions == 2,
          fmt::format("{}: found {} dimensions, expected 1 or 2", where, dimensions));
    std::array<hsize_t, 2> shape{0, 1};
    check_hdf5(H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr),
               "H5Sget_simple_extent_dims", where);
    std::size_t count = 0, bytes = 0;
    check(!__builtin_mul_overflow(shape[0], shape[1], &count) &&
              !__builtin_mul_overflow(count, H5Tget_size(type.get()), &bytes),
          fmt::format("{}: found {} x {} values, more than can be", where, shape[0], shape[1]));
    check_storage(dataset.get(), bytes, where);
    const H5T_class_t kind = H5Tget_class(type.get());
    if (kind == H5T_FLOAT) {
      auto values = read_numbers<Doubles>(dataset.get(), H5T_NATIVE_DOUBLE, count, where);
      if (dimensions == 2) return Matrix{shape[1], std::move(values)};
      return values;
    }
    check(dimensions == 1,
          fmt::format("{}: found 2 dimensions, which only numbers may have", where));
    if (kind == H5T_INTEGER && H5Tget_size(type.get()) == 1) {
      return read_numbers<Flags>(dataset.get(), H5T_NATIVE_INT8, count, where);
    }
    if (kind == H5T_INTEGER)
      return read_numbers<Ints>(dataset.get(), H5T_NATIVE_INT64, count, where);
    check(kind == H5T_STRING && H5Tis_variable_str(type.get()) > 0,
          fmt::format(
              "{}: found HDF5 type class {}, expected integers, numbers or variable-length strings",
              where, static_cast<int>(kind)));
    return read_strings(space.get(), count, where, [&](hid_t memory_type, void* to) {
      return H5Dread(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to);
    });
  }

  Attribute read_attribute(hid_t owner, const std::string& name, const std::string& where) const {
    const Handle attribute(H5Aopen(owner, name.c_str(), H5P_DEFAULT), H5Aclose, "H5Aopen", where);
    const Handle type(H5Aget_type(attribute.get()), H5Tclose, "H5Aget_type", where);
    const Handle space(H5Aget_space(attribute.get()), H5Sclose, "H5Aget_space", where);
    check(H5Sget_simple_extent_npoints(space.get()) == 1, where + ": expected one value");
    const H5T_class_t kind = H5Tget_class(type.get());
    if (kind == H5T_INTEGER) {
      std::int64_t value = 0;
      check_hdf5(H5Aread(attribute.get(), H5T_NATIVE_INT64, &value), "H5Aread", where);
      return value;
    }
    if (kind == H5T_FLOAT) {
      double value = 0;
      check_hdf5(H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, &value), "H5Aread", where);
      return value;
    }
    check(kind == H5T_STRING && H5Tis_variable_str(type.get()) > 0,
          where + ": expected an integer, a number or a variable-length string");
    return read_strings(space.get(), 1, where,
                        [&](hid_t memory_type, void* to) {
                          return H5Aread(attribute.get(), memory_type, to);
                        })
        .front();
  }
};

Hdf5Reader::Hdf5Reader(const std::filesystem::path& path) : impl_(std::make_unique<Impl>(path)) {}
Hdf5Reader::~Hdf5Reader() = default;

bool Hdf5Reader::has(const std::string& path) const {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    const htri_t exists = part == "/" ? 1 : H5Lexists(impl_->file.get(), part.c_str(), H5P_DEFAULT);
    check_hdf5(exists, "H5Lexists", impl_->place(part));
    if (!exists) return false;
    if (end == std::string::npos) return true;
  }
}

std::vector<std::string> Hdf5Reader::children(const std::string& group) const {
  const Handle owner = impl_->open(group);
  std::vector<std::string> names;
  check_hdf5(H5Literate(owner.get(), H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, append_name, &names),
             "H5Literate", impl_->place(group));
  return names;
}

Attributes Hdf5Reader::attributes(const std::string& object) const {
  const Handle owner = impl_->open(object);
  std::vector<std::string> names;
  check_hdf5(
      H5Aiterate2(owner.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, append_attribute_name, &names),
      "H5Aiterate2", impl_->place(object));
  Attributes values;
  for (const auto& name : names) {
    values[name] = impl_->read_attribute(owner.get(), name, impl_->place(object) + "@" + name);
  }
  return values;
}

Column Hdf5Reader::column(const std::string& path) const {
  if (!impl_->is_group(path)) return impl_->read(path);
  const Attributes marks = attributes(path);
  const auto encoding = marks.find(kEncoding);
  const std::string where = impl_->place(path);
  check(encoding != marks.end() && encoding->second == Attribute(kRagged),
        where + ": found a group, expected a column");
  const Column offsets = impl_->read(path + "/offsets"), values = impl_->read(path + "/values");
  check(std::holds_alternative<Ints>(offsets) && std::holds_alternative<Ints>(values),
        where + ": expected integers in offsets and values");
  RaggedInts ragged{std::get<Ints>(offsets), std::get<Ints>(values)};
  const bool ordered = !ragged.offsets.empty() && ragged.offsets.front() == 0 &&
                       std::is_sorted(ragged.offsets.begin(), ragged.offsets.end()) &&
                       ragged.offsets.back() == static_cast<std::int64_t>(ragged.values.size());
  check(ordered, where + ": offsets do not rise from 0 to the number of values");
  return ragged;
}

Table Hdf5Reader::table(const std::string& path) const {
  Table table;
  table.set_origin(impl_->place(path));
  for (const auto& name : children(path)) {
    const std::string at = path + "/" + name;
    try {
      table.add(name, column(at));
    } catch (const Error& error) {
      const std::string what = error.what();
      fail(what.starts_with(impl_->path.string()) ? what : impl_->place(at) + ": " + what);
    }
  }
  return table;
}

}  // namespace tradeoff::store
