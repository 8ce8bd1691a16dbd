#pragma once
#include "command.hpp"

namespace tradeoff::app {

Work parse_doctor(Words words);  // doctor.cpp

}  // namespace tradeoff::app
