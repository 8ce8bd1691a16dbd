#include "tradeoff/model/room.hpp"

#include <ATen/ops/empty.h>

namespace tradeoff::model {

at::Tensor empty_with_room(std::int64_t rows, std::int64_t columns, std::int64_t room,
                           const at::TensorOptions& options) {
  return at::empty({rows, columns + room}, options).narrow(1, 0, columns);
}

at::Tensor with_room(const at::Tensor& x, std::int64_t room) {
  const std::int64_t rows = x.size(0), columns = x.size(1), width = columns + room;
  const bool whole =
      x.storage_offset() == 0 && x.stride(0) == width && x.stride(1) == 1 &&
      x.storage().nbytes() == static_cast<std::size_t>(rows * width * x.element_size());
  if (whole) return x.as_strided({rows, width}, {width, 1});
  at::Tensor copy = at::empty({rows, width}, x.options());
  copy.narrow(1, 0, columns).copy_(x);
  return copy;
}

}  // namespace tradeoff::model
