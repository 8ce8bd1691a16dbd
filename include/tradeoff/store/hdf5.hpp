#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "tradeoff/store/table.hpp"

/// Columns and attributes in an HDF5 file, so that equal content gives equal bytes: no object
/// times, HDF5 1.8 formats whatever the library's version, little-endian, no compression. Errors
/// name the file, the path inside it and HDF5's own text. In the file:
///   integers, numbers, flags   1-D datasets int64, float64, int8
///   strings                    1-D dataset of variable-length UTF-8 (h5py: f[path].asstr()[()])
///   a matrix                   2-D dataset float64
///   ragged integers            a group with `offsets` (rows + 1) and `values`, and the
///                              attribute encoding = "ragged"
namespace tradeoff::store {

using Attribute = std::variant<std::string, std::int64_t, double>;
using Attributes = std::map<std::string, Attribute>;

/// Builds the file in memory; commit() makes it appear at `path` whole (AtomicFile).
/// Text holds what UTF-8 without NUL can: other bytes become U+FFFD, NUL becomes U+2400. Every NaN
/// is written as the same one.
class Hdf5Writer {
 public:
  explicit Hdf5Writer(std::filesystem::path path);
  ~Hdf5Writer();
  /// Creates a group, and those above it, where it is not there yet. Paths are absolute:
  /// "/runs/base".
  void group(const std::string& path);
  void attribute(const std::string& object, const std::string& name, const Attribute& value);
  void column(const std::string& path, const Column& column);
  /// A group with a column for each of the table's, and its order kept.
  void table(const std::string& path, const Table& table);
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Reads what Hdf5Writer wrote. The constructor throws Error on a missing, foreign or torn file.
class Hdf5Reader {
 public:
  explicit Hdf5Reader(const std::filesystem::path& path);
  ~Hdf5Reader();
  bool has(const std::string& path) const;
  /// Names in a group in the order they were written.
  std::vector<std::string> children(const std::string& group) const;
  Attributes attributes(const std::string& object) const;
  Column column(const std::string& path) const;
  Table table(const std::string& path) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tradeoff::store
