// What chat templates are made of, by what Jinja makes of it under transformers' settings.
#include <gtest/gtest.h>

#include "fixtures.hpp"
#include "tradeoff/text/chat_template.hpp"

namespace tradeoff::text {
namespace {

using enum SegmentKind;

std::string made(const std::string& source, const std::vector<Message>& messages = {}) {
  return text_of(ChatTemplate("t", source).render(messages, true));
}
std::string refused(const std::string& source, const std::vector<Message>& messages = {}) {
  return error_of([&] { made(source, messages); });
}

struct Case {
  const char *source, *expected;
};

TEST(Jinja, expressions_are_as_in_python) {
  for (const auto& [source, expected] : std::initializer_list<Case>{
           {"{{ 1 + 2 * 3 }} {{ 7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }}", "7 3 2 3.5"},
           {"{{ 'a' ~ 1 + 2 if false else 'b' }}", "b"},
           {"{{ true }} {{ none }} {{ [1, 'a'] }} {{ missing }}", "True None [1, 'a'] "},
           {"{{ 'abc'[1:] }}{{ [1,2,3][::-1] }}{{ 'abc'[-1] }}", "bc[3, 2, 1]c"},
           {"{{ ' a '|trim ~ '|' ~ 'x,y'.split(',')|join('+') }}", "a|x+y"},
           {"{{ {'a': [1, {'b': none}]}|tojson }}", "{\"a\": [1, {\"b\": null}]}"},
           {"{{ 'a' in 'abc' and 2 not in [1] and not (1 > 2) }}", "True"},
           {"{{ x|default('d') }}{{ ''|default('e', true) }}", "de"},
           {"{{ x is defined }}{{ 'a' is string }}{{ 1 is not none }}", "FalseTrueTrue"},
           {"{{ [{'r': 'u'}, {'r': 's'}]|selectattr('r', 'equalto', 's')|list|length }}", "1"},
           {"{{ 'ab'.startswith('a') }}{{ 'user'|upper }}{{ 'a-b'.replace('-', '+') }}",
            "TrueUSERa+b"},
           {"{{ strftime_now('%d %b %Y') }} {{ date_string }}", "26 Jul 2024 26 Jul 2024"}})
    EXPECT_EQ(made(source), expected) << source;
}

TEST(Jinja, statements_scope_and_white_space) {
  for (const auto& [source, expected] : std::initializer_list<Case>{
           {"  {% if true %}\n  a\n  {% endif %}\nb\n", "  a\nb"},
           {"x  {{- 'y' -}}  z {# c #}w", "xyz w"},
           {"{% set x = 1 %}{% for i in [1,2] %}{% set x = 9 %}{% endfor %}{{ x }}", "1"},
           {"{% set n = namespace(a=0) %}{% for i in [1,2] %}{% set n.a = n.a + i %}{% endfor %}"
            "{{ n.a }}",
            "3"},
           {"{% for i in [1,2,3,4] if i != 2 %}{% if i == 4 %}{% break %}{% endif %}"
            "{{ loop.index }}{{ loop.last }}{{ i }} {% endfor %}",
            "1False1 2False3 "},
           {"{% macro m(a, b='y') %}{{ a }}{{ b }}{% endmacro %}{{ m('x') }}{{ m('x', b='z') }}",
            "xyxz"},
           {"{% set b | trim %}  q {% endset %}{{ b }}{% for i in [] %}{% else %}none{% endfor %}",
            "qnone"},
           {"{% generation %}a{% endgeneration %}{% raw %}{{ b }}{% endraw %}", "a{{ b }}"},
           {"{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}", "a=1"}})
    EXPECT_EQ(made(source), expected) << source;
}

TEST(Jinja, contents_stay_data_through_text_operations) {
  const ChatTemplate chat(
      "t", "<s>{{ ('[' + messages[0].content|trim + ']').replace('b', '<b>')[:-1] }}</s>");
  EXPECT_EQ(chat.render({{"user", " abc "}}, true),
            (std::vector<Segment>{
                {"<s>[", markup}, {"a", data}, {"<b>", markup}, {"c", data}, {"</s>", markup}}));
}

TEST(Jinja, errors_name_template_and_line) {
  for (const auto& [source, said] : std::initializer_list<Case>{
           {"a\n{{ x.y }}", "t: line 2: 'x' is undefined"},
           {"\n\n{{ 'a'|nothing }}", "t: line 3: found the filter nothing"},
           {"{{ 'a' is nothing }}", "t: line 1: found the test nothing"},
           {"{{ 'a'.nothing() }}", "no attribute 'nothing'"},
           {"{% if %}", "t: line 1: found %}"},
           {"{% for i in [] %}", "expected {% endfor %}"},
           {"{% include 'x' %}", "found {% include %}"},
           {"{{ raise_exception('no system') }}", "line 1: the template refuses: no system"},
           {"{{ 1 + 'a' }}", "found int + str"},
           {"{{ [1].append(2) }}", "would change a list"},
           {"{{ 'a", "closing quote"}})
    EXPECT_SAYS(refused(source), said);
}

TEST(Jinja, a_template_that_does_not_end_is_refused) {
  EXPECT_SAYS(refused("{% for i in range(99999) %}{% for j in range(99999) %}{{ j }}{% endfor %}"
                      "{% endfor %}"),
              "1000000 steps");
  EXPECT_SAYS(refused("\n{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), "deeper than 400");
  EXPECT_SAYS(refused("{% set n = namespace(s='aaaaaaaaaaaaaaaa') %}{% for i in range(60) %}"
                      "{% set n.s = n.s ~ n.s %}{% endfor %}"),
              "128 MiB");
  EXPECT_SAYS(refused("{{ " + std::string(500, '(') + "1" + std::string(500, ')') + " }}"),
              "100 levels");
}

// Within few steps: each of these takes more stack, time or memory than there is.
TEST(Jinja, values_that_grow_beyond_sense_are_refused) {
  const std::string grow = "{% set n = namespace(x=[]) %}{% for i in range(90000) %}";
  const std::string end = "{% endfor %}{{ n.x }}";
  for (const auto& [source, said] : std::initializer_list<std::pair<std::string, const char*>>{
           {grow + "{% set n.x = [n.x] %}" + end, "nested deeper than 100"},
           {grow + "{% set n.x = {'a': n.x} %}" + end, "nested deeper than 100"},
           {grow + "{% set n.x = [{'a': n.x}.items] %}" + end, "nested deeper than 100"},
           {grow + "{% set n.x = namespace(y=n.x) %}" + end, "a namespace to keep"},
           {grow + "{% set n.x = [namespace()] %}" + end, "a namespace to keep"},
           {"{% set n = namespace(x='a') %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}"
            "{% endfor %}{{ n.x|tojson }}",
            "computes more"},
           {"{% set n = namespace(x='a', y='a') %}{% for i in range(60) %}{% set n.x = [n.x, n.x] "
            "%}"
            "{% set n.y = [n.y, n.y] %}{% endfor %}{{ n.x == n.y }}",
            "computes more"},
           {"{{ range(99999)|unique|list }}", "computes more"},
           {"{% set r = range(99999)|list %}{% for i in r %}{{ -1 in r }}{% endfor %}",
            "computes more"},
           {"{{ [1]|tojson(indent=999999999) }}", "expected 0 to 1000"},
           {"{{ (999999999999999999 * 1000000.0)|int }}", "beyond 64 bits"}})
    EXPECT_SAYS(refused(source), said);
}

TEST(Jinja, integers_round_and_wrap_as_pythons_do_or_are_refused) {
  EXPECT_EQ(made("{{ -7 // 2 }} {{ -7 % 2 }} {{ 7 // -2 }} {{ 7 % -2 }} {{ 6 // 3 }}"),
            "-4 1 -4 -1 2");
  EXPECT_EQ(made("{% set most = 922337203685477580 * 10 + 7 %}{{ '' * 99999999999 }}"
                 "{{ range(most - 1, most, 5)|list }}{{ 'abc'[::most] }}"),
            "[9223372036854775806]a");
}

TEST_F(TextFiles, a_folders_own_template_decides) {
  EXPECT_SAYS(error_of([&] { load_chat_template(folder); }), "without a chat template");
  file("tokenizer_config.json",
       R"({"bos_token": {"content": "<s>"}, "chat_template": [{"name": "default",
           "template": "{{ bos_token }}{{ messages[0].content }}"}]})");
  EXPECT_EQ(text_of(load_chat_template(folder).render({{"user", "x"}}, true)), "<s>x");
  file("chat_template.json", R"({"chat_template": "json"})");
  EXPECT_EQ(text_of(load_chat_template(folder).render({}, true)), "json");
  file("chat_template.jinja", "jinja");
  EXPECT_EQ(text_of(load_chat_template(folder).render({}, true)), "jinja");
  const auto own = file("own", "{{ date_string }}{{ enable_thinking }}");
  EXPECT_EQ(text_of(load_chat_template(folder, {own, "2025-01-02", true}).render({}, true)),
            "02 Jan 2025True");
  EXPECT_SAYS(error_of([&] { load_chat_template(folder, {own, "2025-02-30"}); }), "YYYY-MM-DD");
}

// Two templates that people were refused for, on a folder with Llama-3's tokenizer.
struct PeoplesTemplates : TextFiles {
  std::string rendered(const std::string& name, const std::vector<Message>& messages,
                       ChatOptions options = {}) {
    write_hf_tokenizer(llama3().vocabulary(), folder);
    std::filesystem::copy_file(std::filesystem::path(TRADEOFF_TEMPLATES) / name,
                               folder / "chat_template.jinja",
                               std::filesystem::copy_options::overwrite_existing);
    return text_of(load_chat_template(folder, options).render(messages, true));
  }
};

TEST_F(PeoplesTemplates, llama31s_dates_are_the_options) {
  EXPECT_EQ(
      rendered("llama31_like.jinja", {{"system", " s "}, {"user", " u "}}),
      "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: "
      "December 2023\nToday Date: 26 Jul 2024\n\ns<|eot_id|><|start_header_id|>user"
      "<|end_header_id|>\n\nu<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");
  // This one sets its own date, as Llama-3.1's does only where none is given.
  EXPECT_EQ(rendered("llama31_like.jinja", {{"user", "u"}}, {.template_date = "2025-01-02"}),
            rendered("llama31_like.jinja", {{"user", "u"}}));
  EXPECT_SAYS(rendered("llama3_2_vision.jinja", {{"user", "u"}}, {.template_date = "2025-01-02"}),
              "Today Date: 02 Jan 2025");
}

TEST_F(PeoplesTemplates, zephyrs_turns_end_with_the_folders_eos) {
  EXPECT_EQ(rendered("zephyr_like.jinja", {{"system", "s"}, {"user", "u"}}),
            "<|system|>\ns<|eot_id|>\n<|user|>\nu<|eot_id|>\n<|assistant|>\n");
}

TEST_F(PeoplesTemplates, thinking_is_off_unless_asked_for) {
  const std::string off = "<think>\n\n</think>\n\n";
  EXPECT_SAYS(rendered("qwen3.jinja", {{"user", "u"}}), off);
  EXPECT_EQ(rendered("qwen3.jinja", {{"user", "u"}}, {.enable_thinking = true}).find(off),
            std::string::npos);
}

}  // namespace
}  // namespace tradeoff::text
