# cmake -DPROGRAM=tradeoff -DVERSION=0.1.0 -DOUT=DIR -P Manual.cmake: DIR/tradeoff.1 and DIR/tradeoff.bash, of the help
# texts that the option tables make.
function(ask out)
  execute_process(COMMAND "${PROGRAM}" ${ARGN} OUTPUT_VARIABLE text RESULT_VARIABLE code ERROR_VARIABLE error)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} ${ARGN}: ${code} ${error}")
  endif()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

# Text as it stands, for nroff.
function(verbatim out text)
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "-" "\\-" text "${text}")
  string(REGEX REPLACE "(^|\n)([.'])" "\\1\\\\&\\2" text "${text}")
  set(${out} ".nf\n${text}\n.fi\n" PARENT_SCOPE)
endfunction()

ask(overview --help)
string(REGEX MATCH "Commands:\n((  [a-z]+ [^\n]*\n)+)" _ "${overview}")
string(REGEX MATCHALL "(^|\n)  [a-z]+ " names "${CMAKE_MATCH_1}")
if(NOT names)
  message(FATAL_ERROR "${PROGRAM} --help lists no commands")
endif()
verbatim(body "${overview}")
set(page ".TH TRADEOFF 1 \"\" \"tradeoff ${VERSION}\"\n.SH NAME\ntradeoff \\- what fine\\-tuning buys and what it costs\n.SH SYNOPSIS\ntradeoff COMMAND [options]\n.SH DESCRIPTION\n${body}")
set(cases "")
set(commands "")
set(values "")
foreach(name IN LISTS names)
  string(STRIP "${name}" name)
  ask(help help ${name})
  verbatim(body "${help}")
  string(APPEND page ".SH \"tradeoff ${name}\"\n${body}")
  string(REGEX MATCHALL "\n  --[a-z0-9_.-]+" options "${help}")
  list(TRANSFORM options STRIP)
  list(JOIN options " " options)
  string(APPEND cases "    ${name}) words=\"${options}\" ;;\n")
  # Options whose values have names, and a first word that does.
  string(REGEX MATCHALL "\n  --[a-z0-9_.-]+ [a-z0-9_-]+(\\|[a-z0-9_-]+)+" named "${help}")
  string(REGEX MATCH "^Usage: tradeoff ${name}( [a-z0-9_-]+(\\|[a-z0-9_-]+)+)" _ "${help}")
  if(CMAKE_MATCH_1)
    list(APPEND named "\n  ${name}${CMAKE_MATCH_1}")
  endif()
  foreach(one IN LISTS named)
    string(REGEX MATCH "([^ \n]+) ([^ ]+)$" _ "${one}")
    string(REPLACE "|" " " words "${CMAKE_MATCH_2}")
    string(APPEND values "    \"${name} ${CMAKE_MATCH_1}\") values=\"${words}\" ;;\n")
  endforeach()
  string(APPEND commands " ${name}")
endforeach()
string(APPEND page [=[
.SH "EXIT STATUS"
0 complete; 2 the command line is wrong; 3 (status) not yet complete; 85 stopped and saved, run it again; anything else failed.
.SH ENVIRONMENT
.TP
TRADEOFF_DEBUG
errors also tell their place in the source
.TP
TRADEOFF_SQL_WORKER
the program that runs SQL, where it is not beside tradeoff
.TP
TRADEOFF_PROGRAM, TRADEOFF_ROOT, TRADEOFF_SITE, SITE_*
the Slurm scripts: the program, the folder to stand in, a file that is read before slurm/site.sh, and what site.sh explains
]=])
file(WRITE "${OUT}/tradeoff.1" "${page}")
file(WRITE "${OUT}/tradeoff.bash" "# Completion for bash, made of the program's own help.
_tradeoff() {
  local words values=\"\" current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [ \"$COMP_CWORD\" = 1 ] || { [ \"$COMP_CWORD\" = 2 ] && [ \"\${COMP_WORDS[1]}\" = help ]; }; then
    mapfile -t COMPREPLY < <(compgen -W \"${commands} help version\" -- \"$current\")
    return
  fi
  case \${COMP_WORDS[1]} in
${cases}    *) words=\"\" ;;
  esac
  case \"\${COMP_WORDS[1]} $before\" in
${values}  esac
  if [ -n \"$values\" ]; then
    mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$current\")
    return
  fi
  case $current in
    -*) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;
  esac
}
complete -o filenames -F _tradeoff tradeoff
")
