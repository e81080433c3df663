// A fork copies the memory of a process but runs only the thread that called it: what another one holds at that moment
// stays locked in the child, and the threads of the parent's regions are missing there.
#pragma once

namespace lamina {

// Called once, at import: from then on a fork waits until no thread is inside of the memory pool, and children start
// threads of their own.
void watch_forks();

}  // namespace lamina
