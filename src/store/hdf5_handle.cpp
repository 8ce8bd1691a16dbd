#include "hdf5_handle.hpp"

#include <fmt/format.h>

#include "tradeoff/base/error.hpp"

namespace tradeoff::store {
namespace {

constexpr std::size_t kGrowBytes = 1 << 20;

// The innermost entry says what happened; the outer ones only that their callee failed.
herr_t keep_first(unsigned depth, const H5E_error2_t* entry, void* text) {
  if (depth == 0) {
    *static_cast<std::string*>(text) = fmt::format("{} ({})", entry->desc, entry->func_name);
  }
  return 0;
}

}  // namespace

void check_hdf5(long long code, std::string_view call, std::string_view place,
                std::source_location where) {
  if (code >= 0) return;
  std::string text = "no text";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
  H5Eclear2(H5E_DEFAULT);
  fail(fmt::format("{}: {}: {}", place, call, text), where);
}

void silence_hdf5() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Handle memory_access(std::string_view place) {
  Handle list(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "H5Pcreate", place);
  check_hdf5(H5Pset_fapl_core(list.get(), kGrowBytes, /*backing_store=*/false), "H5Pset_fapl_core",
             place);
  check_hdf5(H5Pset_libver_bounds(list.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18),
             "H5Pset_libver_bounds", place);
  return list;
}

Handle string_type(std::string_view place) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "H5Tcopy", place);
  check_hdf5(H5Tset_size(type.get(), H5T_VARIABLE), "H5Tset_size", place);
  check_hdf5(H5Tset_cset(type.get(), H5T_CSET_UTF8), "H5Tset_cset", place);
  return type;
}

}  // namespace tradeoff::store
