// How the calling thread works from now on.
#pragma once

namespace lamina {

void work_alone(bool on);    // what it runs stays on it, where several threads have work of their own
void skip_regions(bool on);  // for plans that are recorded for their memory alone: regions compute nothing

}  // namespace lamina
