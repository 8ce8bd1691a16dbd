// Where a program's time on a GPU goes: a library that CUDA loads into any program
// (CUDA_INJECTION64_PATH), which notes every kernel and copy and writes at the end, as JSON to the
// file KERNEL_TIMES, how long those of each name took, and how long none ran. Only the last
// KERNEL_TIMES_LAST seconds before the last kernel's end count, so that loading does not.
// kernel_times.py starts programs with it and sorts the names.
#include <cupti.h>
#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {

struct Record {
  std::uint64_t begin, end;  // ns
  const std::string* name;
};

std::mutex mutex;
std::vector<Record> records;
std::map<std::string, std::string> names;  // as they are told
std::size_t dropped = 0;

// As C++ writes it, where it is a C++ name.
std::string readable(const std::string& name) {
  if (!name.starts_with("_Z")) return name;
  int status = 0;
  char* const text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  std::string result = status == 0 ? text : name;
  std::free(text);
  return result;
}

const std::string* name_of(const std::string& name) {
  const auto [place, fresh] = names.try_emplace(name);
  if (fresh) place->second = readable(name);
  return &place->second;
}

void give_buffer(std::uint8_t** buffer, std::size_t* size, std::size_t* most_records) {
  *size = std::size_t{8} << 20;
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(8, *size));
  *most_records = 0;
}

void take_buffer(CUcontext context, std::uint32_t stream, std::uint8_t* buffer, std::size_t,
                 std::size_t valid) {
  const std::lock_guard lock(mutex);
  CUpti_Activity* activity = nullptr;
  while (cuptiActivityGetNextRecord(buffer, valid, &activity) == CUPTI_SUCCESS) {
    if (activity->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
      const auto* kernel = reinterpret_cast<const CUpti_ActivityKernel10*>(activity);
      records.push_back({kernel->start, kernel->end, name_of(kernel->name)});
    } else if (activity->kind == CUPTI_ACTIVITY_KIND_MEMCPY) {
      const auto* copy = reinterpret_cast<const CUpti_ActivityMemcpy6*>(activity);
      const bool out = copy->copyKind == CUPTI_ACTIVITY_MEMCPY_KIND_DTOH,
                 in = copy->copyKind == CUPTI_ACTIVITY_MEMCPY_KIND_HTOD;
      records.push_back({copy->start, copy->end,
                         name_of(out  ? "copy to the host"
                                 : in ? "copy from the host"
                                      : "copy on the device")});
    } else if (activity->kind == CUPTI_ACTIVITY_KIND_MEMSET) {
      const auto* set = reinterpret_cast<const CUpti_ActivityMemset4*>(activity);
      records.push_back({set->start, set->end, name_of("memset")});
    }
  }
  std::size_t lost = 0;
  if (cuptiActivityGetNumDroppedRecords(context, stream, &lost) == CUPTI_SUCCESS) dropped += lost;
  std::free(buffer);
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// Time within [begin, end) in which no kernel ran; copies between host and device do not count.
std::uint64_t idle_ns(std::uint64_t begin, std::uint64_t end) {
  std::uint64_t idle = 0, busy_until = begin;
  for (const Record& record : records) {  // by begin
    if (record.name->ends_with("the host")) continue;
    if (record.begin > busy_until) idle += record.begin - busy_until;
    busy_until = std::max(busy_until, record.end);
  }
  return idle + (end > busy_until ? end - busy_until : 0);
}

void report() {
  cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
  const char* const file = std::getenv("KERNEL_TIMES");
  const char* const last = std::getenv("KERNEL_TIMES_LAST");
  const std::lock_guard lock(mutex);
  if (!file || records.empty()) return;
  std::uint64_t end = 0;
  for (const Record& record : records)
    if (!record.name->ends_with("the host")) end = std::max(end, record.end);
  const auto window = static_cast<std::uint64_t>((last ? std::atof(last) : 1e6) * 1e9);
  const std::uint64_t from = end > window ? end - window : 0;
  std::erase_if(records, [&](const Record& r) { return r.begin < from || r.end > end; });
  std::ranges::sort(records, {}, &Record::begin);
  const std::uint64_t begin = records.empty() ? end : records.front().begin;
  struct Sum {
    std::uint64_t ns = 0, count = 0;
  };
  std::map<std::string, Sum> sums;
  for (const Record& record : records) {
    sums[*record.name].ns += record.end - record.begin;
    ++sums[*record.name].count;
  }
  std::ofstream out(file);
  out << fmt::format("{{\"ns\": {}, \"idle_ns\": {}, \"dropped\": {}, \"kernels\": [", end - begin,
                     idle_ns(begin, end), dropped);
  const char* comma = "";
  for (const auto& [name, sum] : sums) {
    out << fmt::format("{}\n[{}, {}, {}]", comma, quoted(name), sum.ns, sum.count);
    comma = ",";
  }
  out << "]}\n";
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int InitializeInjection() {
  cuptiActivityRegisterCallbacks(give_buffer, take_buffer);
  for (const CUpti_ActivityKind kind : {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL,
                                        CUPTI_ACTIVITY_KIND_MEMCPY, CUPTI_ACTIVITY_KIND_MEMSET})
    cuptiActivityEnable(kind);
  std::atexit(report);
  return 1;
}
