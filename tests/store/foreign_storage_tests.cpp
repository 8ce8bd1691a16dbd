// Result files that a stranger made to read other files, or to claim more than they hold.
#include <hdf5.h>

#include <array>

#include "store_fixture.hpp"
#include "tradeoff/store/hdf5.hpp"

namespace tradeoff::store {
namespace {

struct ForeignStorage : StoreFiles {
  std::filesystem::path path = folder / "stranger.h5";
  hid_t file = -1;
  void SetUp() override {
    StoreFiles::SetUp();
    put(folder / "secret", std::string(64, 's'));
    file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    ASSERT_GE(file, 0);
  }
  // A dataset "n" of so many int64.
  void dataset(hsize_t rows, hid_t properties) {
    const hid_t space = H5Screate_simple(1, &rows, nullptr);
    const hid_t made =
        H5Dcreate2(file, "n", H5T_STD_I64LE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    EXPECT_GE(made, 0);
    H5Dclose(made);
    H5Sclose(space);
  }
  std::string error() {
    H5Fclose(file);
    return message_of([&] { Hdf5Reader(path).column("/n"); });
  }
};

TEST_F(ForeignStorage, external_storage_is_refused) {
  const hid_t made = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(made, (folder / "secret").c_str(), 0, 64);
  dataset(8, made);
  H5Pclose(made);
  EXPECT_NE(error().find("/n: its values stand in another file"), std::string::npos);
}

TEST_F(ForeignStorage, a_virtual_dataset_is_refused) {
  const hid_t made = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t rows = 8;
  const hid_t space = H5Screate_simple(1, &rows, nullptr);
  H5Pset_virtual(made, space, (folder / "other.h5").c_str(), "n", space);
  dataset(rows, made);
  H5Sclose(space);
  H5Pclose(made);
  EXPECT_NE(error().find("/n: its values stand in another file"), std::string::npos);
}

TEST_F(ForeignStorage, links_out_of_the_file_are_refused) {
  H5Lcreate_external((folder / "other.h5").c_str(), "/n", file, "n", H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_NE(error().find("/n: a soft or external link"), std::string::npos);
}

TEST_F(ForeignStorage, soft_links_are_refused) {
  H5Lcreate_soft("/n", file, "n", H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_NE(error().find("/n: a soft or external link"), std::string::npos);
}

TEST_F(ForeignStorage, more_values_than_are_stored_are_refused_before_memory_is_taken) {
  dataset(hsize_t{1} << 40, H5P_DEFAULT);
  EXPECT_NE(error().find("/n: says that it holds 8796093022208 bytes, but 0 are stored"),
            std::string::npos);
}

}  // namespace
}  // namespace tradeoff::store
