#pragma once
#include "command.hpp"

namespace tradeoff::app {

Work parse_compare(Words words);   // front_commands.cpp
Work parse_doctor(Words words);    // doctor.cpp
Work parse_import(Words words);    // import.cpp
Work parse_merge(Words words);     // merge.cpp
Work parse_plan(Words words);      // front_commands.cpp
Work parse_predict(Words words);   // predict.cpp
Work parse_prepare(Words words);   // prepare.cpp
Work parse_report(Words words);    // front_commands.cpp
Work parse_run(Words words);       // run.cpp
Work parse_score(Words words);     // front_commands.cpp
Work parse_show(Words words);      // show.cpp
Work parse_status(Words words);    // front_commands.cpp
Work parse_tokenize(Words words);  // tokenize.cpp
Work parse_train(Words words);     // train.cpp

}  // namespace tradeoff::app
