// A fork copies the memory of a process but runs only the thread that called it: what another one holds at that moment
// stays locked in the child, and the threads of the parent's regions are missing there.
#pragma once

namespace lamina {

// From now on forks wait for the memory pool, and children start threads of their own. Once, at import.
void watch_forks();

}  // namespace lamina
