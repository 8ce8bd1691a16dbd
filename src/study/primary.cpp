#include "tradeoff/study/primary.hpp"

namespace tradeoff::study {

const char* name_of(Primary primary) {
  switch (primary) {
    case Primary::exec:
      return "exec";
    case Primary::set:
      return "set";
    case Primary::strict:
      return "strict";
  }
  return "exec";
}

}  // namespace tradeoff::study
