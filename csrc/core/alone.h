// A thread that does its work alone, where several each have work of their own.
#pragma once

namespace lamina {

void work_alone(bool on);  // whether what the calling thread runs from now on stays on it

}  // namespace lamina
