#include "chunk_ids.hpp"

#include <set>
#include <string>

#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff::study {

std::vector<std::uint64_t> chunk_ids(std::span<const infer::Chunk> chunks,
                                     std::span<const task::Item> items,
                                     std::span<const std::vector<infer::TokenId>> prompts,
                                     std::span<const std::vector<infer::TokenId>> choices) {
  // Twelve digits: a reader that keeps numbers as doubles has them whole.
  constexpr std::size_t kDigits = 12;
  std::vector<std::uint64_t> ids;
  std::set<std::uint64_t> taken;
  for (const infer::Chunk& chunk : chunks) {
    Sha256 hash;
    hash.update(std::to_string(chunk.root_tokens));
    for (const std::int64_t i : chunk.prompts)
      hash.update(to_line(Json{task::id_text(items[i].id), prompts[i], choices[i]}));
    std::uint64_t id = std::stoull(hash.finish().substr(0, kDigits), nullptr, 16);
    while (!taken.insert(id).second) ++id;
    ids.push_back(id);
  }
  return ids;
}

}  // namespace tradeoff::study
