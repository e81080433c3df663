// Results written past the caches (simd/vec.h, store_stream) are seen by other threads after a fence.
#pragma once

namespace lamina {

inline __attribute__((always_inline)) void stream_fence() {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}

}  // namespace lamina
