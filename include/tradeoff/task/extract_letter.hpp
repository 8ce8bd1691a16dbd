#pragma once
#include <cstddef>
#include <string_view>

namespace tradeoff::task {

/// The letter of a written answer to a question with choices.
struct ExtractedLetter {
  enum class Found {
    letter,
    empty_output,  // nothing but white space and end tokens
    no_letter,     // text, but no letter by the rules below
  };
  Found found = Found::no_letter;
  // 'A' and so on; 0 unless `found` is letter.
  char letter = 0;
  // Why this letter.
  enum class Rule { none, opening, last_word, announced, only };
  Rule rule = Rule::none;
};

/// What is read: the answer without reasoning and up to the first end token, as extract_sql reads
/// it. Only the first `choices` (2 to 10) letters count; capitals, but where a letter is all there
/// is "b" is B too. Marks around it are passed over: blanks, ( ) [ ] { } * _ ` " ' $.
/// By the first of these rules that finds one:
///   opening    the answer opens with it, alone on its line or right before one of . ) ] : , ;
///              or a mark, or before " -" ("B", "**B**", "(B) Paris", "B - Paris"; not "A dog");
///   last_word  it is all that stands in the last \boxed{...} or <answer>...</answer>;
///   announced  it follows "answer", "option" or "choice", with nothing between but "is", "was",
///              "would", "be", "should", "the", "correct", "option", "choice", "letter" and marks
///              or colons; the last such place ("The correct answer is (C)");
///   only       it stands in brackets, or opens a line before . ) or :, and no other letter does.
/// An answer that names the choice in words has no letter. Pure.
ExtractedLetter extract_letter(std::string_view raw, std::size_t choices);

std::string_view name_of(ExtractedLetter::Rule rule);

/// "letter", "empty_output" or "no_letter".
std::string_view name_of(ExtractedLetter::Found found);

/// Version of these rules; stored with results, raised whenever an answer may be read differently.
inline constexpr int kExtractLetterVersion = 1;

}  // namespace tradeoff::task
