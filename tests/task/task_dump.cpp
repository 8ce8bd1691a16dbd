// The module's engines by themselves, for the comparisons with Python (prompts_golden.py):
//   task_dump csv FILE ...                              a JSON list per record
//   task_dump schema TABLES.json compact|create-table   {"db_id", "text"} per database
//   task_dump tokenizer GGUF FOLDER                     a model folder without a model
//   task_dump spider DATA MODEL OUT SEED SHOTS QUESTIONS chat|plain compact|create-table
//   task_dump mmlu DATA MODEL OUT SHOTS QUESTIONS chat|turns|plain|hendrycks
#include <cstdio>

#include "tradeoff/base/csv.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/task/prepare.hpp"

namespace {

using namespace tradeoff;
using namespace tradeoff::task;

void print(const Json& row) {
  std::printf("%s\n", to_line(row).c_str());
}

SchemaStyle style_of(const std::string& name) {
  return name == "compact" ? SchemaStyle::compact : SchemaStyle::create_table;
}

Template template_of(const std::string& name) {
  if (name == "hendrycks") return Template::hendrycks;
  return name == "chat" || name == "turns" ? Template::chat : Template::plain;
}

void run(const std::vector<std::string>& words) {
  const std::string& command = words.at(0);
  if (command == "csv") {
    for (std::size_t i = 1; i < words.size(); ++i) {
      for (const CsvRow& row : read_csv(words[i])) print(row.fields);
    }
  } else if (command == "schema") {
    const sql::Schemas schemas(words.at(1), sql::SchemaUse::prompt);
    for (const auto& [db_id, schema] : schemas.all()) {
      print({{"db_id", db_id}, {"text", schema_text(schema, style_of(words.at(2)))}});
    }
  } else if (command == "tokenizer") {
    std::filesystem::create_directories(words.at(2));
    write_hf_tokenizer(text::read_vocabulary(words.at(1)), words.at(2));
  } else if (command == "spider") {
    PrepareOptions options = prepare_options(*find_task(command));
    options.source.data = words.at(1);
    options.model = words.at(2);
    options.output_dir = words.at(3);
    options.prompt.seed = std::stoull(words.at(4));
    options.prompt.shots = std::stoull(words.at(5));
    options.draw.questions = std::stoull(words.at(6));
    options.prompt.prompt_template = template_of(words.at(7));
    options.prompt.schema_style = style_of(words.at(8));
    print(prepare(options).to_json());
  } else if (command == "mmlu") {
    PrepareOptions options = prepare_options(*find_task(command));
    options.source.data = words.at(1);
    options.model = words.at(2);
    options.output_dir = words.at(3);
    options.prompt.shots = std::stoull(words.at(4));
    options.draw.questions = std::stoull(words.at(5));
    options.prompt.prompt_template = template_of(words.at(6));
    options.prompt.fewshot_as_multiturn = words.at(6) == "turns";
    print(prepare(options).to_json());
  } else {
    fail("unknown command " + command);
  }
}

}  // namespace

int main(int count, char** words) try {
  run({words + 1, words + count});
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "task_dump: %s\n", error.what());
  return 1;
}
