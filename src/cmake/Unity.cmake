# TRADEOFF_UNITY: some ten sources of a target are compiled as one, which takes less than half of the time, since most of it
# goes into headers. Made for set-up; while editing, one source at a time is faster. Included after all targets.
if(NOT TRADEOFF_UNITY)
  return()
endif()

# These name something in their unnamed namespace as another source of the target does, or have flags of their own.
function(tradeoff_alone target folder)
  if(NOT TARGET ${target})
    return()
  endif()
  foreach(file IN LISTS ARGN)
    set(path "${CMAKE_SOURCE_DIR}/${folder}/${file}")
    if(NOT EXISTS "${path}")
      message(FATAL_ERROR "TRADEOFF_UNITY: ${path}: no such source")
    endif()
    set_source_files_properties("${path}" TARGET_DIRECTORY ${target} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endforeach()
endfunction()

tradeoff_alone(tradeoff_sql src/sql syntax/sqlite_tokens.cpp syntax/sqlparse_tokens.cpp
  schema/tables_json.cpp sandbox/executor_pool.cpp files/score_inputs.cpp)
tradeoff_alone(tradeoff_stats src/stats sequence.cpp)
tradeoff_alone(tradeoff_text src/text hf_parts.cpp jinja/operators.cpp)
tradeoff_alone(tradeoff_task src/task extract_letter.cpp)
tradeoff_alone(tradeoff_store src/store journal_progress.cpp prediction.cpp)
tradeoff_alone(tradeoff_model src/model product.cpp)
tradeoff_alone(tradeoff_infer src/infer prompt_order.cpp)
tradeoff_alone(tradeoff_report src/report files/compare_files.cpp files/lm_eval_files.cpp files/merge.cpp
  grids/grids_runs.cpp grids/robustness.cpp export/export_tables.cpp)
tradeoff_alone(tradeoff_config src/config table.cpp)
tradeoff_alone(base_tests tests/base csv_tests.cpp out_of_memory_tests.cpp)
tradeoff_alone(sql_tests tests/sql result_hash_tests.cpp)
tradeoff_alone(model_tests tests/model linear_tests.cpp)
tradeoff_alone(infer_tests tests/infer sampling_tests.cpp)
tradeoff_alone(task_tests tests/task extract_letter_tests.cpp)
tradeoff_alone(lora_tests tests/lora peft_config_tests.cpp)
tradeoff_alone(config_tests tests/config arguments_tests.cpp table_tests.cpp)
# Instruction sets and rounding are set in these sources.
foreach(target tradeoff_quant quant_tests)
  if(TARGET ${target})
    set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  endif()
endforeach()
