#pragma once
#include <hdf5.h>

#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace tradeoff::store {

/// Throws Error("place: call: HDF5's innermost text") when `code`, a hid_t, herr_t or size, is
/// negative. `place` is the file and the path inside it.
void check_hdf5(long long code, std::string_view call, std::string_view place,
                std::source_location where = std::source_location::current());

/// HDF5 prints its error stack by default; from here on check_hdf5 alone speaks.
void silence_hdf5();

/// Owns one HDF5 identifier.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  /// Throws as check_hdf5 when `id` is negative.
  Handle(hid_t id, Close closer, std::string_view call, std::string_view place,
         std::source_location where = std::source_location::current())
      : id_(id), close_(closer) {
    check_hdf5(id, call, place, where);
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&&) = delete;

  hid_t get() const { return id_; }

 private:
  hid_t id_;
  Close close_;
};

/// Properties of a file in memory with nothing on disk: HDF5 1.10 crashes at exit after a write to
/// a full disk. Formats from the oldest to 1.8: 1.10's H5Fget_file_image leaves a wrong checksum in
/// newer superblocks.
Handle memory_access(std::string_view place);
/// Variable-length UTF-8, as h5py reads `str`.
Handle string_type(std::string_view place);

/// Marks a group as ragged integers.
inline constexpr const char* kEncoding = "encoding";
inline constexpr const char* kRagged = "ragged";

}  // namespace tradeoff::store
