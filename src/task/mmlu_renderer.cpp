#include <fmt/format.h>

#include <algorithm>

#include "collect.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/task/render.hpp"
#include "unicode.hpp"

namespace tradeoff::task {
namespace {

// hendrycks/test puts a blank before every word of the subject, so that two follow "about".
std::string description(const std::string& subject, Template prompt_template) {
  std::string name = prompt_template == Template::hendrycks ? " " : "";
  name += subject;
  std::replace(name.begin(), name.end(), '_', ' ');
  return "The following are multiple choice questions (with answers) about " + name + ".\n\n";
}

// lm-evaluation-harness strips the question, but not the choices; hendrycks/test strips neither.
std::string asked(const MmluQuestion& q, Template prompt_template) {
  const std::string_view question =
      prompt_template == Template::hendrycks ? std::string_view(q.question) : strip(q.question);
  std::string text(question);
  for (std::size_t i = 0; i < q.choices.size(); ++i)
    text += fmt::format("\n{}. {}", static_cast<char>('A' + i), q.choices[i]);
  return text + "\nAnswer:";
}

std::vector<text::Segment> turns(const PromptModel& model, const std::string& subject,
                                 std::span<const MmluQuestion> shots,
                                 const MmluQuestion& question) {
  std::vector<text::Message> messages = {{"system", description(subject, Template::chat)}};
  for (const MmluQuestion& shot : shots) {
    messages.push_back({"user", asked(shot, Template::chat)});
    messages.push_back({"assistant", std::string(1, shot.answer)});
  }
  messages.push_back({"user", asked(question, Template::chat)});
  return chat_segments(model, messages);
}

std::vector<text::Segment> mmlu_segments(const PromptModel& model, const PromptOptions& options,
                                         const std::string& subject,
                                         std::span<const MmluQuestion> shots,
                                         const MmluQuestion& question) {
  const Template format = options.prompt_template;
  if (options.fewshot_as_multiturn) return turns(model, subject, shots, question);
  std::string text;
  for (const MmluQuestion& shot : shots)
    text += fmt::format("{} {}\n\n", asked(shot, format), shot.answer);
  text += asked(question, format);
  if (format != Template::chat) return plain_segments(model, description(subject, format) + text);
  return chat_segments(model, {{"system", description(subject, format)}, {"user", text}});
}

}  // namespace

MmluRenderer::MmluRenderer(const Mmlu& mmlu, const PromptModel& model, const PromptOptions& options)
    : mmlu_(mmlu), model_(model), options_(options) {
  check_template(options.prompt_template, model);
  check(!options.fewshot_as_multiturn || options.prompt_template == Template::chat,
        "fewshot_as_multiturn: only template = chat has turns");
  for (const MmluSubject& subject : mmlu.subjects) {
    if (subject.dev.size() < options.shots) {
      fail(fmt::format("{} shots are asked, but {}_dev.csv has {} rows", options.shots,
                       subject.name, subject.dev.size()));
    }
  }
}

Prompt MmluRenderer::render(MmluPlace place) const {
  const MmluSubject& subject = mmlu_.subjects.at(place.subject);
  return fit_prompt(model_, options_.limit, options_.shots, [&](std::size_t shots) {
    return mmlu_segments(model_, options_, subject.name, std::span(subject.dev).first(shots),
                         subject.test.at(place.question));
  });
}

RenderedItems MmluRenderer::items(std::span<const MmluPlace> places) const {
  const auto item_at = [&](std::size_t i) {
    const MmluSubject& subject = mmlu_.subjects.at(places[i].subject);
    const MmluQuestion& question = subject.test.at(places[i].question);
    Item item;
    item.id = question.id.empty() ? fmt::format("{}/{}", subject.name, question.row) : question.id;
    item.question = question.question;
    item.subject = subject.name;
    item.group = subject.group;
    item.answer = std::string(1, question.answer);
    item.split_size = static_cast<std::int64_t>(subject.test.size());
    item.choice_texts.assign(question.choices.begin(), question.choices.end());
    const std::string_view before = options_.prompt_template == Template::chat ? "" : " ";
    for (std::size_t c = 0; c < question.choices.size(); ++c)
      item.choices.push_back(fmt::format("{}{}", before, static_cast<char>('A' + c)));
    item.label = question.label;
    item.corrected = question.corrected;
    return item;
  };
  return collect_items(places.size(), options_.shots, options_.limit, item_at,
                       [&](std::size_t i) { return render(places[i]); });
}

std::string MmluRenderer::template_sha256() const {
  const MmluQuestion shot{
      .row = 0, .question = " Which? ", .choices = {"a", "b", "c", "d"}, .answer = 'B'};
  return sha256(text_of(mmlu_segments(model_, options_, "made_up", std::span(&shot, 1), shot)));
}

}  // namespace tradeoff::task
