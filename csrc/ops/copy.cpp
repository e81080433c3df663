#include "ops/copy.h"

#include <algorithm>
#include <cstring>

#include "core/parallel.h"

namespace lamina {

template <class T>
void copy(const Copy<T>& a) {
  parallel_for(a.n, kGrain, [&](dim_t begin, dim_t end) {
    if (a.accumulate)
      for (dim_t i = begin; i < end; i++) a.y[i] += a.x[i];
    else if (a.x != a.y)
      std::memcpy(a.y + begin, a.x + begin, static_cast<std::size_t>(end - begin) * sizeof(T));
  });
}

template <class T>
void fill(const Fill<T>& a) {
  parallel_for(a.n, kGrain, [&](dim_t begin, dim_t end) { std::fill(a.y + begin, a.y + end, a.value); });
}

LAMINA_FOR_FLOATS(copy, Copy);
LAMINA_FOR_FLOATS(fill, Fill);
template void fill(const Fill<std::int32_t>&);
template void fill(const Fill<std::int64_t>&);
template void fill(const Fill<std::uint8_t>&);

}  // namespace lamina
