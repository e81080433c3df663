#include "core/fork.h"

#ifndef _WIN32
#include <pthread.h>
#endif

#include "core/cpu.h"
#include "core/parallel.h"
#include "core/pool.h"

namespace lamina {

void watch_forks() {
  caches();  // a value under construction would stay locked as well
  pool_stats();
#ifndef _WIN32
  pthread_atfork(pool_lock, pool_unlock, [] {
    pool_unlock();
    forget_threads_of_parent();
  });
#endif
}

}  // namespace lamina
